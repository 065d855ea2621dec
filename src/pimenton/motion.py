"""Moving pictures of a wanted quality or size: one weight of a bit for all frames.

What a frame changes is parsed as a picture of its own, in which what stays is clear; so a pixel
that does not change keeps the color that it was given, and nothing flickers. The quality of a
moving picture is that of its worst frame.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pimenton.errors import QualityNotReached
from pimenton.frames import Reel, encode_reel, plan
from pimenton.histogram import Histogram
from pimenton.levels import USUAL, WEIGHTS, Curve
from pimenton.options import Options
from pimenton.palette import Palette
from pimenton.parsing import Subject, parse, prepare
from pimenton.pixels import Pixels
from pimenton.quality import Reference, ssimulacra2
from pimenton.quality import prepare as prepare_reference
from pimenton.rate import (
    AIM,
    Fitted,
    fit_bytes,
    is_better,
    settle,
)
from pimenton.trials import PARSERS

# Pixels in all frames of which what scores need is kept from trial to trial: 16 bytes or more each.
_KEPT_PIXELS = 1 << 23


@dataclass(frozen=True, eq=False)
class Footage:
    """Frames made ready for trials.

    Attributes
    ----------
    originals : tuple of Reference or picture
        What each frame is compared with.
    subjects : tuple of Subject
        What each frame changes, ready to be parsed.
    model : Reel
        Where that is, how long each frame is seen, and how often all of them.
    format : str
        A key of ``ANIMATED``.
    effort : str
        Of the parse.
    n_threads : int
        Threads to use; they change no bit.
    """

    originals: tuple[Reference | Pixels, ...]
    subjects: tuple[Subject, ...]
    model: Reel
    format: str
    effort: str
    n_threads: int

    @property
    def encode(self) -> Callable[[Any], bytes]:
        """What makes a file of a result."""
        return partial(encode_reel, format=self.format)

    def image(self, level: int) -> Reel:
        """Parse all frames with one of the weights of a bit."""
        parser = PARSERS.get(self.format, parse)
        return self.model.with_parts(
            parser(subject, WEIGHTS[level], effort=self.effort, n_threads=self.n_threads).image
            for subject in self.subjects
        )

    def score(self, reel: Reel) -> float:
        """Measure the worst frame."""
        scores = (
            ssimulacra2(original, frame, n_threads=self.n_threads)
            for original, frame, place in zip(
                self.originals, reel.shown(), reel.places, strict=True
            )
            if place.touched.any()
        )
        return min(scores, default=100.0)


def aim(
    frames: Sequence[Pixels], plain: Reel, format: str, options: Options, n_threads: int
) -> Fitted:
    """Search for the quality, then for the size, of a moving picture.

    Parameters
    ----------
    frames : sequence of (height, width, 4) uint8
        What is to be seen.
    plain : Reel
        The same with each pixel at its nearest entry, whose palettes are taken; it is the result
        where it is the better one.
    format : str
        A key of ``ANIMATED``.
    options : Options
        The choices.
    n_threads : int
        Threads to use; they change no bit.

    Raises
    ------
    QualityNotReached
        If what was asked for is not met.
    """
    footage = _footage(frames, plain, format, options.effort, n_threads)
    wanted = wanted_of(options)
    fitted = settle(footage, Curve(USUAL), wanted)
    mapped = Fitted(plain, footage.encode(plain), footage.score(plain), 0.0)
    if is_better(mapped, fitted, wanted):
        fitted = mapped
    limit = options.max_bytes
    if options.quality is not None and not options.best_possible and fitted.quality < wanted:
        raise QualityNotReached(
            f"quality {wanted:g} is not reached in all frames; the best is {fitted.quality:.1f}"
        )
    if limit is None or len(fitted.data) <= limit:
        return fitted
    if options.quality is not None and not options.best_possible:
        raise QualityNotReached(
            f"quality {wanted:g} takes {len(fitted.data)} bytes; at most {limit} are allowed"
        )
    fitted = fit_bytes(footage, limit)
    if len(fitted.data) > limit and not options.best_possible:
        raise QualityNotReached(
            f"at most {limit} bytes are allowed; the smallest file has {len(fitted.data)}"
        )
    return fitted


def wanted_of(options: Options) -> float:
    """Give the quality that is aimed at."""
    return AIM if options.quality is None else options.quality


def _footage(
    frames: Sequence[Pixels], plain: Reel, format: str, effort: str, n_threads: int
) -> Footage:
    model = Reel(
        plan(frames, can_replace=format != "gif"),
        plain.parts, plain.size, plain.durations, plain.n_plays,
    )  # fmt: skip
    subjects = [
        _subject(place.cut_pixels(frame), part.palette, n_threads)
        for place, frame, part in zip(model.places, frames, plain.parts, strict=True)
    ]
    originals: list[Reference | Pixels] = list(frames)
    if sum(frame[:, :, 0].size for frame in frames) <= _KEPT_PIXELS:
        originals = [prepare_reference(frame, n_threads=n_threads) for frame in frames]
    return Footage(tuple(originals), tuple(subjects), model, format, effort, n_threads)


def _subject(part: Pixels, palette: Palette, n_threads: int) -> Subject:
    part = np.ascontiguousarray(part)
    return prepare(part, Histogram.of(part, n_threads=n_threads), palette, n_threads=n_threads)

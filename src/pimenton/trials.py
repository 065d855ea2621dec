"""Where trials are made: a picture, or a sample of its rows, with all that a trial needs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pimenton.gif import parse_gif
from pimenton.indexed import IndexedImage
from pimenton.levels import WEIGHTS
from pimenton.parsing import Parsed, Subject, parse, refine, sharpen
from pimenton.pixels import Pixels
from pimenton.quality import Reference, error_map, ssimulacra2
from pimenton.quality import prepare as prepare_reference
from pimenton.webp import parse_webp

# A picture's sample: a part of its rows, in so many bands, within these numbers of pixels.
_SHARE, _N_BANDS = 0.3, 6
_LEAST_SAMPLE, _MOST_SAMPLE = 120_000, 1_000_000
# Of more pixels than that a balanced search parses faster and writes as a fast one does.
LARGE = 1 << 22

Encode = Callable[[IndexedImage], bytes]
Parser = Callable[..., Parsed]
# Formats that code indices otherwise than PNG does; the others are drawn as PNG is.
PARSERS: dict[str, Parser] = {"gif": parse_gif, "webp": parse_webp}


@dataclass(frozen=True, eq=False)
class Trial:
    """A picture parsed with some weight of a bit, about how many bytes it takes, and its score."""

    image: IndexedImage
    n_bytes: float
    score: float

    def cost(self, point: float) -> float:
        """Give what the picture would take at a score of nothing, a point taking so many bytes."""
        return self.n_bytes - point * self.score


class Trials(Protocol):
    """What trials are made on: a picture, or a moving one."""

    @property
    def effort(self) -> str:
        """How long to look for fewer bytes."""

    @property
    def encode(self) -> Callable[[Any], bytes]:
        """What makes a file of a result."""

    def image(self, level: int) -> Any:
        """Draw with one of the weights of a bit."""

    def score(self, image: Any) -> float:
        """Measure a result."""


@dataclass(frozen=True, eq=False)
class Bench:
    """Where trials are made: a picture, or a sample of its rows, with all that a trial needs."""

    pixels: Pixels
    subject: Subject
    reference: Reference
    encode: Encode
    parser: Parser
    effort: str
    parse_effort: str
    n_threads: int

    @classmethod
    def of(
        cls,
        pixels: Pixels,
        subject: Subject,
        encode: Encode,
        *,
        effort: str,
        n_threads: int,
        parser: Parser = parse,
    ) -> "Bench":
        """Prepare a picture for trials."""
        reference = prepare_reference(pixels, n_threads=n_threads)
        how = parse_effort(pixels, effort)
        return cls(pixels, subject, reference, encode, parser, effort, how, n_threads)

    def sample(self, like: "Bench | None" = None) -> "Bench":
        """Take some bands of rows alone; all of them from a small picture.

        Parameters
        ----------
        like : Bench, optional
            A sample of the same picture prepared by another recipe.
        """
        if self.is_sampled_whole:
            return self
        rows = _sampled_rows(*self.pixels.shape[:2])
        subject = self.subject.rows(rows)
        if like is not None:
            return replace(like, subject=subject)
        pixels = np.ascontiguousarray(self.pixels[rows])
        reference = prepare_reference(pixels, n_threads=self.n_threads)
        return replace(self, pixels=pixels, subject=subject, reference=reference)

    @property
    def is_sampled_whole(self) -> bool:
        """Whether the sample is all of the rows."""
        height, width = self.pixels.shape[:2]
        return bool(len(_sampled_rows(height, width)) == height)

    def draw(self, level: int) -> Parsed:
        """Parse with one of the weights of a bit."""
        return self.parser(
            self.subject, WEIGHTS[level], effort=self.parse_effort, n_threads=self.n_threads
        )

    def image(self, level: int) -> IndexedImage:
        """Give what came of it alone."""
        return self.draw(level).image

    def trial(self, level: int) -> "Trial":
        """Parse and measure."""
        parsed = self.draw(level)
        return Trial(parsed.image, parsed.n_bytes, self.score(parsed.image))

    def score(self, image: IndexedImage) -> float:
        """Measure a result."""
        return ssimulacra2(self.reference, image.to_pixels(), n_threads=self.n_threads)

    def refined(self, image: IndexedImage, *, settles: bool) -> "Bench":
        """Feed the errors of a result back into the weights, and into the palette if it settles."""
        errors = error_map(self.pixels, image.to_pixels(), n_threads=self.n_threads)
        return replace(self, subject=refine(self.subject, image, errors, settles=settles))

    def sharpened(self, image: IndexedImage) -> "Bench":
        """Let the places count more where a result has lost most of the structure."""
        return replace(self, subject=sharpen(self.subject, image, n_threads=self.n_threads))


def parse_effort(pixels: Pixels, effort: str) -> str:
    """Give the effort that a picture is parsed with."""
    return "large" if effort == "balanced" and is_large(pixels) else effort


def is_large(pixels: Pixels) -> bool:
    """Tell whether a picture has so many pixels that time matters more than the last bytes."""
    return bool(pixels.shape[0] * pixels.shape[1] > LARGE)


def _sampled_rows(height: int, width: int) -> NDArray[np.intp]:
    """Choose bands of rows spread evenly over a picture."""
    share = min(max(_SHARE * height * width, _LEAST_SAMPLE), _MOST_SAMPLE) / (height * width)
    if share >= 0.8 or height < 16 * _N_BANDS:
        return np.arange(height)
    length = max(16, round(share * height / _N_BANDS))
    starts = [round((height - length) * i / (_N_BANDS - 1)) for i in range(_N_BANDS)]
    return np.unique(np.concatenate([np.arange(s, s + length) for s in starts]))

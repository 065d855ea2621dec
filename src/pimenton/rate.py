"""The smallest file of a wanted quality, or the best one of a wanted size.

The palette stays; what is searched is the one number that the parse takes, the error that a bit
saved is worth. Scores fall and bytes shrink steadily with it, so a few trials on a sample of the
rows lead near, and trials on the whole picture settle it: what is promised was measured.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pimenton.gif import parse_gif
from pimenton.indexed import IndexedImage
from pimenton.levels import USUAL, WEIGHTS, Curve, level_for_bytes
from pimenton.parsing import Parsed, Recipe, Subject, parse, refine
from pimenton.pixels import Pixels
from pimenton.quality import Reference, error_map, ssimulacra2
from pimenton.quality import prepare as prepare_reference

AIM = 80.0  # if nothing is said: no difference seen side by side
# How little above the wanted score is as good as it; half a point is 1 % of the bytes.
TOLERANCE = 0.2
_FINENESS = 0.05  # if it is no larger part of what is missing to 100
_FIRST = tuple(USUAL)
# A picture's sample: a part of its rows, in so many bands, within these numbers of pixels.
_SHARE, _N_BANDS = 0.3, 3
_LEAST_SAMPLE, _MOST_SAMPLE = 120_000, 1_000_000
_N_WHOLE = 5
# Of more pixels than that a balanced search parses and writes as a fast one does, and is content
# with the second trial on all of them that reaches the quality, and with passing it by so much.
LARGE = 1 << 22
_N_ENOUGH, _LARGE_TOLERANCE = 2, 0.5
_OPTIMISM = 1.5  # samples of rows score higher than the whole by about this
CHROMA_WEIGHTS = ("oklab", "oklab-weighted")  # spaces that differ in how much chroma counts
# Changes of the recipe that are tried one after the other, and kept where they save bytes.
CHANGES: dict[str, tuple[dict[str, Any], ...]] = {
    "fast": (),
    "balanced": ({"space": "oklab-weighted"},),
    "best": (
        {"space": "oklab-weighted"},
        {"quarters": 2},
        {"carried": 0.5},
        {"carried": 0.85},
    ),
}
N_REFINED = {"fast": 0, "balanced": 0, "best": 2}  # how often a result's errors are fed back

Encode = Callable[[IndexedImage], bytes]
Parser = Callable[..., Parsed]
# Formats that code indices otherwise than PNG does; the others are drawn as PNG is.
PARSERS: dict[str, Parser] = {"gif": parse_gif}


@dataclass(frozen=True, eq=False)
class Fitted:
    """A picture that was parsed, its file and its score.

    Attributes
    ----------
    image : IndexedImage or Reel
        The picture, or the moving one.
    data : bytes
        Its file.
    quality : float
        Its SSIMULACRA 2 score, measured on the image.
    bit_weight : float
        What the parse took.
    """

    image: Any
    data: bytes
    quality: float
    bit_weight: float


class Trials(Protocol):
    """What trials are made on: a picture, or a moving one."""

    @property
    def is_sampled_whole(self) -> bool:
        """Whether the curve of its scores was made on all of it."""

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

    def sample(self) -> "Bench":
        """Take some bands of rows alone; all of them from a small picture."""
        if self.is_sampled_whole:
            return self
        rows = _sampled_rows(*self.pixels.shape[:2])
        sampled = Bench.of(
            np.ascontiguousarray(self.pixels[rows]),
            self.subject.rows(rows),
            self.encode,
            effort=self.effort,
            n_threads=self.n_threads,
            parser=self.parser,
        )
        return replace(sampled, parse_effort=self.parse_effort)

    @property
    def is_sampled_whole(self) -> bool:
        """Whether recipes are compared on all rows: in small pictures, and at best effort."""
        height, width = self.pixels.shape[:2]
        return self.effort == "best" or len(_sampled_rows(height, width)) == height

    def draw(self, level: int) -> Parsed:
        """Parse with one of the weights of a bit."""
        return self.parser(
            self.subject, WEIGHTS[level], effort=self.parse_effort, n_threads=self.n_threads
        )

    def image(self, level: int) -> IndexedImage:
        """Give what came of it alone."""
        return self.draw(level).image

    def score(self, image: IndexedImage) -> float:
        """Measure a result."""
        return ssimulacra2(self.reference, image.to_pixels(), n_threads=self.n_threads)

    def refined(self, image: IndexedImage, *, settles: bool) -> "Bench":
        """Feed the errors of a result back into the weights, and into the palette if it settles."""
        errors = error_map(self.pixels, image.to_pixels(), n_threads=self.n_threads)
        return replace(self, subject=refine(self.subject, image, errors, settles=settles))


def parse_effort(pixels: Pixels, effort: str) -> str:
    """Give the effort that a picture is parsed with and written."""
    return "fast" if effort == "balanced" and _is_large(pixels) else effort


def _is_large(pixels: Pixels) -> bool:
    return bool(pixels.shape[0] * pixels.shape[1] > LARGE)


def fit_quality(
    make: Callable[[Recipe], Bench], quality: float, *, settles: bool = True
) -> tuple[Fitted, Bench]:
    """Find the smallest file whose score is at least the wanted one.

    Parameters
    ----------
    make : callable
        Gives a picture prepared by a recipe.
    quality : float
        SSIMULACRA 2 score wanted, at most 100.
    settles : bool, optional
        Whether palette entries may move.

    Returns
    -------
    Fitted
        The weakest of those tried that reach it; if none does, the one of the highest score.
    Bench
        What it was made on.
    """
    bench, curve = choose_recipe(make, quality)
    is_large = _is_large(bench.pixels) and bench.effort != "best"
    best = settle(bench, curve, quality, in_haste=is_large)
    for _ in range(N_REFINED[bench.effort]):
        # A result shows where errors are seen; what was learned is kept if it saves bytes.
        other = bench.refined(best.image, settles=settles)
        trial = settle(other, curve, quality)
        if is_better(trial, best, quality):
            bench, best = other, trial
    return best, bench


def settle(bench: Trials, curve: "Curve", quality: float, *, in_haste: bool = False) -> Fitted:
    """Try levels on the whole picture, from where the curve of a sample leads.

    Parameters
    ----------
    bench : Bench
        The picture.
    curve : Curve
        Scores of a sample of it.
    quality : float
        Score wanted.
    in_haste : bool, optional
        Whether the second trial is the last one if it reaches it.
    """
    images: dict[int, Any] = {}
    scores: dict[int, float] = {}
    tolerance = min(_LARGE_TOLERANCE if in_haste else TOLERANCE, _FINENESS * (100 - quality))
    level = curve.level_at(quality + (0.0 if bench.is_sampled_whole else _OPTIMISM))
    while len(scores) < _N_WHOLE and level not in scores:
        images[level] = bench.image(level)
        scores[level] = bench.score(images[level])
        excess = scores[level] - quality
        if 0 <= excess <= tolerance or (excess < 0 and level == 0):
            break
        if in_haste and excess >= 0 and len(scores) >= _N_ENOUGH:
            break
        level = curve.through(scores).level_at(quality + tolerance / 2)
    reached = [level for level, score in scores.items() if score >= quality]
    best = max(reached) if reached else max(scores, key=lambda level: scores[level])
    return Fitted(images[best], bench.encode(images[best]), scores[best], WEIGHTS[best])


def is_better(trial: Fitted, best: Fitted, quality: float) -> bool:
    """Tell whether a result reaches the quality in fewer bytes, or comes nearer to it."""
    if min(trial.quality, best.quality) >= quality:
        return len(trial.data) < len(best.data)
    return trial.quality > best.quality


def choose_recipe(make: Callable[[Recipe], Bench], quality: float) -> tuple[Bench, "Curve"]:
    """Try changes of the recipe on a sample of the rows, and keep what saves bytes.

    Returns
    -------
    Bench
        The picture, prepared by the recipe chosen.
    Curve
        Scores of its sample around the wanted one.
    """
    bench = make(Recipe())
    sample = bench.sample()
    drawn = {level: sample.draw(level) for level in _FIRST}
    curve = Curve({level: sample.score(trial.image) for level, trial in drawn.items()})
    level = curve.level_at(quality)
    if level not in curve.scores:
        drawn[level] = sample.draw(level)
        curve = Curve({**curve.scores, level: sample.score(drawn[level].image)})
    point = _bytes_of_a_point(
        curve, {level: trial.n_bytes for level, trial in drawn.items()}, level
    )
    cost = drawn[level].n_bytes - point * curve.scores[level]
    for change in CHANGES[bench.effort]:
        changed = make(replace(bench.subject.recipe, **change))
        rows = changed.sample()
        trial = rows.draw(level)
        score = rows.score(trial.image)
        if trial.n_bytes - point * score < cost:
            cost = trial.n_bytes - point * score
            curve = curve.through({level: score})
            bench = changed
    return bench, curve


def _bytes_of_a_point(curve: Curve, sizes: dict[int, float], level: int) -> float:
    """Tell what a point of score takes near a level: as from there to the level next to it."""
    scores = curve.scores
    near = min(scores.keys() - {level}, key=lambda other: abs(scores[other] - scores[level]))
    rise = scores[near] - scores[level]
    # A picture of one color scores the same whatever a bit is worth.
    return (sizes[near] - sizes[level]) / rise if rise else 0.0


def fit_bytes(bench: Trials, max_bytes: int) -> Fitted:
    """Find the best picture whose file is not larger than wanted.

    Parameters
    ----------
    bench : Bench
        The picture.
    max_bytes : int
        Largest size of the file.

    Returns
    -------
    Fitted
        The largest of those tried that fit; if none does, the smallest.
    """
    images: dict[int, Any] = {}
    files: dict[int, bytes] = {}
    level = _FIRST[1]
    while len(files) < 2 * _N_WHOLE and level not in files:
        images[level] = bench.image(level)
        files[level] = bench.encode(images[level])
        if 0.98 * max_bytes <= len(files[level]) <= max_bytes:
            break
        level = level_for_bytes({level: len(data) for level, data in files.items()}, max_bytes)
    fitting = [level for level, data in files.items() if len(data) <= max_bytes]
    best = min(fitting) if fitting else min(files, key=lambda level: len(files[level]))
    return Fitted(images[best], files[best], bench.score(images[best]), WEIGHTS[best])


def guess(bench: Bench, quality: float, max_bytes: int | None = None) -> Fitted:
    """Draw a picture once, with the weight of a bit that most pictures need for a quality.

    Parameters
    ----------
    bench : Bench
        The picture.
    quality : float
        SSIMULACRA 2 score wanted.
    max_bytes : int, optional
        Size of the file wanted: if the first one is larger, there is a second.
    """
    level = Curve(USUAL | {340: 68.7, 380: 55.0, 420: 34.2, 460: -0.5}).level_at(quality)
    image = bench.draw(level).image
    data = bench.encode(image)
    if max_bytes is not None and len(data) > max_bytes:
        level = level_for_bytes({level: len(data)}, max_bytes)
        image = bench.draw(level).image
        data = bench.encode(image)
    return Fitted(image, data, bench.score(image), WEIGHTS[level])


def _sampled_rows(height: int, width: int) -> NDArray[np.intp]:
    """Choose bands of rows spread evenly over a picture."""
    share = min(max(_SHARE * height * width, _LEAST_SAMPLE), _MOST_SAMPLE) / (height * width)
    if share >= 0.8 or height < 16 * _N_BANDS:
        return np.arange(height)
    length = max(16, round(share * height / _N_BANDS))
    starts = [round((height - length) * i / (_N_BANDS - 1)) for i in range(_N_BANDS)]
    return np.unique(np.concatenate([np.arange(s, s + length) for s in starts]))

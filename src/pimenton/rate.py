"""The smallest file of a wanted quality, or the best one of a wanted size.

The palette stays; what is searched is the one number that the parse takes, the error that a bit
saved is worth. Scores fall and bytes shrink steadily with it, so a few trials on a sample of the
rows lead near, and trials on the whole picture settle it: what is promised was measured.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pimenton.levels import USUAL, WEIGHTS, Curve, level_for_bytes
from pimenton.parsing import Recipe
from pimenton.trials import Bench, Trial, Trials, is_large

AIM = 80.0  # if nothing is said: no difference seen side by side
# How little above the wanted score is as good as it, more after the second trial on the whole
# picture; half a point is 1 % of the bytes, and a trial takes a fifth of the time.
TOLERANCE = {"fast": 0.4, "balanced": 0.5, "best": 0.08}
_FINENESS = 0.05  # if it is no larger part of what is missing to 100
_FIRST = 298  # level of the first trial for a size
_NEAR = 24  # levels nearer than that tell little about how scores fall
_POINT = 0.022  # what a point of score takes of all bytes, where trials do not tell
N_WHOLE = {"fast": 5, "balanced": 5, "best": 8}  # trials on the whole picture at most
# Of a large picture the second trial that reaches it is enough, or one that passes it by so much.
_N_ENOUGH, _LARGE_TOLERANCE = 2, 0.5
# How much more of 100 the whole misses than samples of its rows, about, for each point it misses.
_OPTIMISM = 0.0034
_STEEPER = 1.3  # how much more steeply scores fall on the whole than on a sample, about
_LEAST, _MOST = 219, 360  # levels of the first trial
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
    trials: dict[int, Trial] = {}
    n_rounds = N_REFINED[bench.effort]
    if n_rounds:
        bench, trials = learn(bench, curve, quality, settles=settles, n_rounds=n_rounds)
        curve = curve.through({level: trial.score for level, trial in trials.items()})
    in_haste = is_large(bench.pixels) and bench.effort != "best"
    return settle(bench, curve, quality, trials=trials, in_haste=in_haste), bench


def learn(
    bench: Bench, curve: Curve, quality: float, *, settles: bool, n_rounds: int
) -> tuple[Bench, dict[int, Trial]]:
    """Feed results back, where their errors are seen or structure is lost, as long as it helps."""
    level = curve.level_at(quality)
    best = bench.trial(level)
    for _ in range(n_rounds):
        curve = curve.through({level: best.score})
        next_level = curve.level_at(quality)
        point = _POINT * best.n_bytes
        others = [bench.refined(best.image, settles=settles), bench.sharpened(best.image)]
        trials = [other.trial(next_level) for other in others]
        cheapest = min(range(len(others)), key=lambda i: trials[i].cost(point))
        if trials[cheapest].cost(point) >= best.cost(point):
            break
        bench, best, level = others[cheapest], trials[cheapest], next_level
    return bench, {level: best}


def settle(
    bench: Trials,
    curve: Curve,
    quality: float,
    *,
    trials: Mapping[int, Trial] | None = None,
    in_haste: bool = False,
) -> Fitted:
    """Try levels on the whole picture, from where the curve of a sample leads.

    Parameters
    ----------
    bench : Bench
        The picture.
    curve : Curve
        Scores expected of it.
    quality : float
        Score wanted.
    trials : mapping, optional
        Trials of it that there were already, by their level.
    in_haste : bool, optional
        Whether the second trial is the last one if it reaches it.
    """
    images: dict[int, Any] = {level: trial.image for level, trial in (trials or {}).items()}
    scores = {level: trial.score for level, trial in (trials or {}).items()}
    tolerance = min(
        max(_LARGE_TOLERANCE if in_haste else 0.0, TOLERANCE[bench.effort]),
        _FINENESS * (100 - quality),
    )
    n_most = N_WHOLE[bench.effort]
    while not _is_enough(scores, quality, tolerance, n_most, in_haste):
        goal = quality + _allowed(tolerance, len(scores) + 1) / 2
        if len(scores) == 1:
            (score,) = scores.values()
            goal = score + (goal - score) / _STEEPER
        level = curve.level_at(goal)
        if level in scores:
            break
        images[level] = bench.image(level)
        scores[level] = bench.score(images[level])
        spread = max(scores) - min(scores)
        curve = Curve(scores) if spread >= _NEAR // 4 else curve.through(scores)
    reached = [level for level, score in scores.items() if score >= quality]
    best = max(reached) if reached else max(scores, key=lambda level: scores[level])
    return Fitted(images[best], bench.encode(images[best]), scores[best], WEIGHTS[best])


def _allowed(tolerance: float, n_trials: int) -> float:
    """Give how much above the wanted score is near enough after so many trials."""
    return tolerance * (1 + n_trials) / 2


def _is_enough(
    scores: dict[int, float], quality: float, tolerance: float, n_most: int, in_haste: bool
) -> bool:
    """Tell whether a trial comes near enough, the nearer the fewer there were."""
    if not scores:
        return False
    excess = min((s - quality for s in scores.values() if s >= quality), default=math.inf)
    enough = excess <= _allowed(tolerance, len(scores)) or len(scores) >= n_most
    return (
        enough
        or scores.get(0, quality) < quality
        or (in_haste and len(scores) >= _N_ENOUGH and excess < math.inf)
    )


def is_better(trial: Fitted, best: Fitted, quality: float) -> bool:
    """Tell whether a result reaches the quality in fewer bytes, or comes nearer to it."""
    if min(trial.quality, best.quality) >= quality:
        return len(trial.data) < len(best.data)
    return trial.quality > best.quality


def choose_recipe(make: Callable[[Recipe], Bench], quality: float) -> tuple[Bench, Curve]:
    """Try changes of the recipe on a sample of the rows, and keep what saves bytes.

    Returns
    -------
    Bench
        The picture, prepared by the recipe chosen.
    Curve
        Scores expected of it.
    """
    bench = make(Recipe())
    sample = bench.sample()
    more = 1.0 if bench.is_sampled_whole else 1 + _OPTIMISM * (100 - quality)
    aim = 100 - (100 - quality) / more
    first = min(max(Curve(USUAL).level_at(aim), _LEAST), _MOST)
    trials, curve = bracket(sample, aim, first)
    level = min(trials, key=lambda place: abs(trials[place].score - aim))
    point = bytes_of_a_point(trials)
    cost = trials[level].cost(point)
    for change in CHANGES[bench.effort]:
        changed = make(replace(bench.subject.recipe, **change))
        trial = changed.sample(sample).trial(level)
        if trial.cost(point) < cost:
            cost = trial.cost(point)
            curve = curve.through({level: trial.score})
            bench = changed
    return bench, curve.stretched(more)


def bracket(bench: Bench, quality: float, first: int) -> tuple[dict[int, Trial], Curve]:
    """Try two levels, the second where the first leads, and give the curve through them."""
    trials = {first: bench.trial(first)}
    second = Curve({first: trials[first].score}).level_at(quality)
    if abs(second - first) < _NEAR:
        is_low = trials[first].score < quality and first >= _NEAR
        second = first - _NEAR if is_low else first + _NEAR
    trials[second] = bench.trial(second)
    return trials, Curve({place: trial.score for place, trial in trials.items()})


def bytes_of_a_point(trials: Mapping[int, Trial]) -> float:
    """Tell what a point of score takes between the outermost levels."""
    low, high = trials[min(trials)], trials[max(trials)]
    if low.score <= high.score:
        return _POINT * low.n_bytes
    return (low.n_bytes - high.n_bytes) / (low.score - high.score)


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
    level = _FIRST
    while len(files) < 2 * N_WHOLE[bench.effort] and level not in files:
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
    level = Curve(USUAL).level_at(quality)
    image = bench.draw(level).image
    data = bench.encode(image)
    if max_bytes is not None and len(data) > max_bytes:
        level = level_for_bytes({level: len(data)}, max_bytes)
        image = bench.draw(level).image
        data = bench.encode(image)
    return Fitted(image, data, bench.score(image), WEIGHTS[level])

"""Weights of a bit by their place in one list, and what scores and sizes tell about others.

Scores fall and bytes shrink steadily with what a bit is worth, so of a few that were measured the
next one to try follows.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, repeat
from operator import mul

# Weights of a bit that are tried: 32 steps to an octave, by products alone, since powers and
# logarithms differ between processors. Below 0.02 only drawings gain, whose scores are near 100.
_STEP = 1.0218971486541166
WEIGHTS = tuple(accumulate(repeat(_STEP, 512), mul, initial=0.02 / 32))
# What photographs score, in the mean, at some levels, places in that list.
USUAL = {243: 83.0, 298: 78.4, 340: 68.7, 380: 55.0, 420: 34.2, 460: -0.5}
_GENTLE = (243, 298)  # between these scores fall as they do near those that are asked for


@dataclass(frozen=True)
class Curve:
    """Scores at some levels, falling nearly straight along the 3/4 power of the weight."""

    scores: dict[int, float]

    def level_at(self, quality: float) -> int:
        """Interpolate, or go on as steeply as between the outermost points."""
        points = [(_bent(level), score) for level, score in sorted(self.scores.items())]
        above = [point for point in points if point[1] >= quality]
        below = [point for point in points if point[1] < quality]
        if above and below:
            (x0, y0), (x1, y1) = above[-1], below[0]
            x = x0 + (x1 - x0) * (y0 - quality) / (y0 - y1)
        else:
            x0, y0 = above[-1] if above else below[0]
            x = x0 + (quality - y0) / self.slope
        level = bisect_right(range(len(WEIGHTS)), x, key=_bent) - 1
        return max(0, min(level, max(self.scores) + 64))

    @property
    def slope(self) -> float:
        """How scores fall over all points, within what pictures show; of one point, as usual."""
        scores = self.scores
        if len(scores) < 2:
            scores = {level: USUAL[level] for level in _GENTLE}
        (x0, y0), *_, (x1, y1) = [(_bent(level), y) for level, y in sorted(scores.items())]
        return min(max((y1 - y0) / (x1 - x0), -60.0), -10.0)

    def stretched(self, by: float) -> "Curve":
        """Multiply what is missing to 100."""
        return Curve({level: 100 - (100 - score) * by for level, score in self.scores.items()})

    def through(self, scores: dict[int, float]) -> "Curve":
        """Stretch the curve to the last measured score, and put measured points in.

        What is missing to 100 is larger or smaller by one factor everywhere.
        """
        last, score = next(reversed(scores.items()))
        missing = 100 - self.at(last)
        stretch = (100 - score) / missing if missing > 0 else 1.0
        kept = {
            level: value
            for level, value in self.stretched(stretch).scores.items()
            if all((level - other) * (value - y) < 0 for other, y in scores.items())
        }
        return Curve({**kept, **scores})

    def at(self, level: int) -> float:
        """Interpolate the score of a level, straight on beyond the outermost points."""
        points = [(_bent(place), score) for place, score in sorted(self.scores.items())]
        x = _bent(level)
        (x0, y0) = max((p for p in points if p[0] <= x), default=points[0])
        (x1, y1) = min((p for p in points if p[0] > x), default=points[-1])
        return y0 + (x - x0) * ((y1 - y0) / (x1 - x0) if x0 < x1 else self.slope)


def _bent(level: int) -> float:
    """Give the 3/4 power of a weight; square roots are the same everywhere."""
    root = math.sqrt(WEIGHTS[level])
    return root * math.sqrt(root)


def level_for_bytes(sizes: dict[int, int], max_bytes: int) -> int:
    """Interpolate between the levels around a size, or go on in its direction."""
    above = [level for level, size in sizes.items() if size > max_bytes]
    below = [level for level, size in sizes.items() if size <= max_bytes]
    if above and below:
        a, b = max(above), min(below)
        # Sizes fall nearly as the inverse of a straight line.
        share = (1 / (0.99 * max_bytes) - 1 / sizes[a]) / (1 / sizes[b] - 1 / sizes[a])
        return a + max(1, min(round((b - a) * share), b - a - 1)) if b - a > 1 else b
    if above:
        last = max(above)
        return min(
            last + min(max(16, round(72 * (sizes[last] / max_bytes - 1))), 96), len(WEIGHTS) - 1
        )
    last = min(below)
    return max(last - min(max(16, round(72 * (max_bytes / sizes[last] - 1))), 96), 0)

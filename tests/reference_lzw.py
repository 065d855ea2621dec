"""A slow, obvious version of the lossy LZW parse: one place at a time, the tree a dictionary.

Arithmetic is that of single precision in the kernel's order, so indices and codes are equal to the
kernel's. What the kernel keeps in rings, blocks and arrays of nodes is a dictionary here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_parse import BELOW, DIAGONAL, LEFT, RIGHT, Entries, F, Vector, square

MOST_CODES, LONGEST = 4096, 255
UNREACHED = 1e300


@dataclass
class Stop:
    """The end of the best way to a place."""

    cost: float
    error: Vector
    start: int = 0
    settled_by: int = 0
    code: int = 0


class Tree:
    """LZW's dictionary: for each code its indices, and its children by their last index."""

    def __init__(self, n_roots: int) -> None:
        self.phrases = {code: (code,) for code in range(n_roots)}
        self.children: dict[int, dict[int, int]] = {}

    def add(self, code: int, index: int, new: int) -> None:
        family = self.children.setdefault(code, {})
        if len(self.phrases[code]) < LONGEST and index not in family:
            family[index] = new
            self.phrases[new] = (*self.phrases[code], index)


class Band:
    """A band of rows, read as one line of places."""

    def __init__(self, picture: dict[str, Any], rows: range) -> None:
        self.p = picture
        self.height, self.width = picture["ranks"].shape
        self.first, self.n = rows.start * self.width, len(rows) * self.width
        points, entries = picture["points"], picture["entries"]
        soft = np.ptp(points[:, 3]) > 0 or np.ptp(entries[:, 3]) > 0
        self.n_axes = 4 if soft else 3
        self.points, self.entries = points[:, : self.n_axes], Entries(entries[:, : self.n_axes])
        self.n_roots = n_roots_of(picture)
        self.bit_weight = F(picture["bit_weight"])
        self.tree = Tree(self.n_roots)
        self.targets: list[Vector] = []
        self.shares: list[np.float32] = []
        self.weights: list[np.float32] = []
        self.above: dict[int, Vector] = {}
        self.stops = {0: Stop(0.0, np.zeros(self.n_axes, F))}
        self.settled = self.farthest = self.n_codes = self.last = self.begun_at = 0
        self.usual, self.begun_cost = 4.0 * float(self.bit_weight), 0.0
        self.indices = np.zeros(self.n, np.uint8)
        self.codes = [self.n_roots]

    def run(self) -> None:
        place = 0
        while self.settled < self.n:
            if place < self.n and self.stops[place].cost != UNREACHED:
                self.walk(place)
            place = min(place + 1, self.n)
            while self.settled < self.n and (
                self.farthest - self.settled >= self.p["horizon"] or place == self.n
            ):
                self.settle(self.best_ahead(max(place, self.settled + 1)))
                place = max(place, self.settled)
                if self.n_roots + 1 + self.n_codes >= MOST_CODES:
                    self.begin_anew()
                    place = self.settled

    def begin_anew(self) -> None:
        self.tree = Tree(self.n_roots)
        self.codes.append(self.n_roots)
        self.n_codes = 0
        self.begun_at = self.farthest = self.settled
        self.begun_cost = self.stops[self.settled].cost

    def ready(self) -> None:
        """Make the target of the next place known, errors from above included."""
        place = len(self.targets)
        y, x = divmod(self.first + place, self.width)
        ranks = self.p["ranks"]
        here = ranks[y, x]
        around = [ranks[y, max(x - 1, 0)], ranks[y, min(x + 1, self.width - 1)]]
        around += [ranks[max(y - 1, 0), x], ranks[min(y + 1, self.height - 1), x]]
        exact = self.p["exact"][here] >= 0 and sum(other == here for other in around) >= 2
        share = F(0 if exact else self.p["carried"])
        from_above = self.above.pop(place, np.zeros(self.n_axes, F))
        self.targets.append(self.points[here] + share * from_above)
        self.shares.append(F(0) if x == 0 else share)
        self.weights.append(F(1e4) if exact else self.p["weights"][y, x])

    def walk(self, place: int) -> None:
        """Walk down the tree from a place, and offer every depth."""
        cost = self.stops[place].cost
        code_cost = self.bit_weight * F(n_bits(self.n_codes, self.n_roots))
        slack = F(0.5) * code_cost + F(1e-6)
        if len(self.targets) == place:
            self.ready()
        phrases = self.beginnings(place, F(0.75) * code_cost)
        for at in range(place + 1, min(place + LONGEST, self.n) + 1):
            if not phrases:
                return
            total, code, error = min(phrases, key=lambda phrase: phrase[:2])
            self.offer(at, cost + float(total + code_cost), place, code, error)
            if at == self.n:
                return
            if len(self.targets) == at:
                self.ready()
            limit = F(self.known_cost(at + 1) - cost) - code_cost + slack
            longer = [child for phrase in phrases for child in self.children(phrase, at, limit)]
            phrases = sorted(longer, key=lambda phrase: phrase[:2])[: self.p["n_kept"]]

    def beginnings(self, place: int, slack: np.float32) -> list[tuple[np.float32, int, Vector]]:
        """Give the entries that a phrase may begin with."""
        target = self.targets[place] + self.shares[place] * self.stops[place].error
        around = self.entries.around(target)
        left = target - self.entries.entries[around]
        cost = self.weights[place] * square(left)
        near = [
            (cost[n], int(around[n]), RIGHT * left[n])
            for n in range(len(around))
            if cost[n] <= cost.min() + slack
        ]
        return sorted(near, key=lambda phrase: phrase[:2])[: self.p["n_first"]]

    def children(
        self, phrase: tuple[np.float32, int, Vector], at: int, limit: np.float32
    ) -> Iterator[tuple[np.float32, int, Vector]]:
        total, code, error = phrase
        target = self.targets[at] + self.shares[at] * error
        for index, child in self.tree.children.get(code, {}).items():
            left = target - self.entries.entries[index]
            longer = total + self.weights[at] * square(left)
            if longer <= limit:
                yield longer, child, RIGHT * left

    def offer(self, place: int, cost: float, start: int, code: int, error: Vector) -> None:
        while self.farthest < place:
            self.farthest += 1
            self.stops[self.farthest] = Stop(UNREACHED, error)
        if cost < self.stops[place].cost:
            by = place if start == self.settled else self.stops[start].settled_by
            self.stops[place] = Stop(cost, error, start, by, code)

    def known_cost(self, place: int) -> float:
        """Give the cost of coming to a place, or to the farthest one and on by one code more."""
        if place <= self.farthest and self.stops[place].cost != UNREACHED:
            return self.stops[place].cost
        before = min(place - 1, self.farthest)
        while self.stops[before].cost == UNREACHED:
            before -= 1
        return self.stops[before].cost + 2.0 * self.usual * (place - before)

    def best_ahead(self, first: int) -> int:
        """Choose the place of the best way ahead: cost so far, and the usual one of the rest."""
        ahead = range(first, self.farthest + 1)
        return min(ahead, key=lambda at: self.stops[at].cost + self.usual * (self.farthest - at))

    def settle(self, through: int) -> None:
        """Write the first code on the best way to a place, and grow the tree."""
        end = self.stops[through].settled_by
        stop = self.stops[end]
        self.write(stop, end)
        new = self.n_roots + 1 + self.n_codes
        if self.n_codes > 0 and new < MOST_CODES:
            self.tree.add(self.last, int(self.indices[stop.start]), new)
        self.codes.append(stop.code)
        self.last = stop.code
        self.n_codes += 1
        self.settled = end
        self.usual = (stop.cost - self.begun_cost) / (end - self.begun_at)
        for at in range(end + 1, self.farthest + 1):
            later = self.stops[at]
            if later.start < end or self.stops[later.start].cost == UNREACHED:
                later.cost = UNREACHED
            else:
                later.settled_by = at if later.start == end else self.stops[later.start].settled_by
        while self.stops[self.farthest].cost == UNREACHED:
            self.farthest -= 1

    def write(self, stop: Stop, end: int) -> None:
        """Write a phrase's indices, and diffuse their errors to the row below."""
        self.indices[stop.start : end] = self.tree.phrases[stop.code]
        error, cap, width = self.stops[stop.start].error, F(self.p["cap"]), self.width
        for at in range(stop.start, end):
            error = self.targets[at] + self.shares[at] * error
            error = error - self.entries.entries[self.indices[at]]
            length = np.sqrt(square(error))
            kept = cap / length if length > cap else F(1)
            x = (self.first + at) % width
            to = {at + width: BELOW}
            to |= {at + width - 1: LEFT} if x > 0 else {}
            to |= {at + width + 1: DIAGONAL} if x + 1 < width else {}
            for place, share in to.items():
                # What is ready already takes nothing more, and an exact pixel passes nothing on.
                if place >= len(self.targets) and self.weights[at] <= 1e3:
                    before = self.above.get(place, np.zeros(self.n_axes, F))
                    self.above[place] = before + share * kept * error
            error = error * RIGHT


def n_roots_of(picture: dict[str, Any]) -> int:
    return 1 << (max(len(picture["entries"]), 4) - 1).bit_length()


def n_bits(n_codes: int, n_roots: int) -> int:
    """Give the bits of a code, from how many came since the tree was begun."""
    return min(n_roots + 1 + n_codes, MOST_CODES - 1).bit_length()


def packed(codes: list[int], n_roots: int) -> bytes:
    """Pack codes as GIF does, low bits first, and end them."""
    number = length = n_codes = 0
    for code in [*codes, n_roots + 1]:
        number |= code << length
        length += n_bits(n_codes, n_roots)
        n_codes = 0 if code == n_roots else n_codes + 1
    return number.to_bytes(-(-length // 8), "little")


def parse_lzw(rows_per_band: int, **picture: Any) -> tuple[NDArray[np.uint8], bytes]:
    """Choose indices inside the parse, as `_native.parse_lzw` does; give them and the codes."""
    height, width = picture["ranks"].shape
    bands = [
        Band(picture, range(first, min(first + rows_per_band, height)))
        for first in range(0, height, rows_per_band)
    ]
    for band in bands:
        band.run()
    indices = np.concatenate([band.indices for band in bands]).reshape(height, width)
    return indices, packed([code for band in bands for code in band.codes], n_roots_of(picture))

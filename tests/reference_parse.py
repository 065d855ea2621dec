"""A slow, obvious version of the lossy LZ77 parse: one row at a time, one pixel at a time.

Arithmetic is that of single precision in the kernel's order, so indices are equal to the kernel's.
What the kernel keeps in blocks, rings and tables of costs is an array of lanes, a list of places
for each hash, and a dictionary here.
"""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_symbols import LONGEST, SHORTEST, F, Symbols

FAR, HOPELESS = F(1e9), F(3e38)
RIGHT, LEFT, BELOW, DIAGONAL = F(7 / 16), F(3 / 16), F(5 / 16), F(1 / 16)
CELL, WINDOW = F(2.5), 32768

Vector = NDArray[np.float32]


class Entries:
    """The palette, and the entries that are worth a look for a target."""

    def __init__(self, entries: Vector) -> None:
        self.entries = entries
        self.lists: dict[tuple[int, ...], NDArray[np.intp]] = {}

    def around(self, target: Vector) -> NDArray[np.intp]:
        places = target * (F(1) / CELL) + F(32768)
        cell = tuple(int(place) for place in places)
        if cell not in self.lists:
            self.lists[cell] = self.worth_a_look(cell)
        return self.lists[cell]

    def worth_a_look(self, cell: tuple[int, ...]) -> NDArray[np.intp]:
        """Take the 16 nearest to the cell's middle, and what may be nearest elsewhere in it."""
        middle = np.array([(F(place - 32768) + F(0.5)) * CELL for place in cell])
        sq = square(self.entries - middle)
        order = np.argsort(sq, kind="stable")
        reach = np.zeros(len(sq), F)
        for axis in range(len(middle)):
            reach += np.abs(self.entries[:, axis] - self.entries[order[0], axis])
        kept = sq * F(0.9999) - sq[order[0]] <= F(1.001) * CELL * reach
        kept[order[:16]] = True
        return np.flatnonzero(kept)


def square(vectors: Vector) -> Vector:
    total = vectors[..., 0] * vectors[..., 0]
    for axis in range(1, vectors.shape[-1]):
        total = total + vectors[..., axis] * vectors[..., axis]
    return total


class Lanes:
    """The survivor of each distance that is followed: 24 near pixels, 1 to 8, and found ones."""

    def __init__(self, stride: int, n_dynamic: int, n_axes: int) -> None:
        grid = [rows * stride + 4 - column for rows in (1, 2, 3) for column in range(8)]
        self.distance = np.array(grid + list(range(1, 9)) + [1] * n_dynamic)
        n = len(self.distance)
        self.fresh_sum, self.fresh_total = np.zeros(n, F), np.full(n, -1, F)
        # The last pixels of each lane's path, the newest first; the short distances copy them.
        self.recent = np.zeros((n, 8), np.intp)
        self.n_axes = n_axes

    def begin(self) -> None:
        n = len(self.distance)
        self.sum, self.total = np.zeros(n, F), np.full(n, HOPELESS)
        self.error = np.zeros((n, self.n_axes), F)
        self.length = np.zeros(n, np.intp)
        self.distance[32:], self.fresh_sum[32:], self.fresh_total[32:] = 1, 0, -1
        self.followed: dict[int, int] = {}

    def price(self, symbols: Symbols, bit_weight: np.float32) -> None:
        for lane, distance in enumerate(self.distance[:32]):
            reachable = 1 <= distance <= WINDOW
            self.fresh_sum[lane] = symbols.of_distance(int(distance)) if reachable else 0
            start = self.fresh_sum[lane] + symbols.length[3] + F(0.5) * bit_weight
            self.fresh_total[lane] = start if reachable else HOPELESS


class Band:
    """A band of rows, parsed from the first to the last."""

    def __init__(self, picture: dict[str, Any], rows: range) -> None:
        self.p, self.rows = picture, rows
        self.height, self.width = picture["ranks"].shape
        points, entries = picture["points"], picture["entries"]
        soft = np.ptp(points[:, 3]) > 0 or np.ptp(entries[:, 3]) > 0
        n_axes = 4 if soft else 3
        self.points, self.entries = points[:, :n_axes], Entries(entries[:, :n_axes])
        self.bit_weight = F(picture["bit_weight"])
        self.symbols = symbols_of(picture)
        self.gap = 0 if picture["for_webp"] else 1
        self.stride = self.width + self.gap
        self.lanes = Lanes(self.stride, picture["n_dynamic"], n_axes)
        # The rows as they are written, for deflate each after a filter byte; what has no color is
        # far away.
        self.lead = 3 * self.stride + 16
        size = self.lead + self.stride * len(rows) + 16
        self.bytes = np.zeros(size, np.intp)
        self.colors = np.full((size, n_axes), FAR)
        self.above = np.zeros((self.width + 2, n_axes), F)
        self.chains: dict[int, list[int]] = {}
        self.tokens: list[int] = []

    def run(self) -> NDArray[np.uint8]:
        drawn = []
        for number, y in enumerate(self.rows):
            self.row = self.lead + self.stride * number + self.gap
            self.looks = self.p["n_dynamic"] and number % max(self.p["every"] // 2, 1) == 0
            if number % 2 == 0:
                self.symbols.price(self.bit_weight)
                self.lanes.price(self.symbols, self.bit_weight)
            self.prepare(y)
            self.search()
            self.commit()
            self.diffuse()
            drawn.append(self.bytes[self.row : self.row + self.width].astype(np.uint8))
        return np.array(drawn)

    def prepare(self, y: int) -> None:
        """Set targets and weights; a pixel of a flat area keeps a color that is in the palette."""
        ranks, w = self.p["ranks"], self.width
        self.ranks = ranks[y]
        self.weights, self.carried = np.empty(w, F), np.empty(w, F)
        for x in range(w):
            here = ranks[y, x]
            around = [ranks[y, max(x - 1, 0)], ranks[y, min(x + 1, w - 1)]]
            around += [ranks[max(y - 1, 0), x], ranks[min(y + 1, self.height - 1), x]]
            exact = self.p["exact"][here] >= 0 and sum(other == here for other in around) >= 2
            edge = F(self.p["edge"])
            steps = [self.points[here] - self.points[other] for other in around]
            ends = edge > 0 and max(square(step) for step in steps) > edge * edge
            self.carried[x] = 0 if exact or ends else F(self.p["carried"])
            self.weights[x] = 1e4 if exact else self.p["weights"][y, x]
        self.targets = self.points[ranks[y]] + self.carried[:, np.newaxis] * self.above[1:-1]

    def search(self) -> None:
        """Find the best path to each node: its last step, the error it carries, its last pixels."""
        lanes, p = self.lanes, self.p
        lanes.begin()
        error, shift = np.zeros_like(self.targets[0]), F(0)
        recent = self.bytes[self.row - 8 : self.row][::-1].copy()
        self.steps = [(0, 0, 0)]
        nodes = [recent]
        for x in range(self.width):
            inside = len(set(self.ranks[max(x - 1, 0) : x + 3].tolist())) == 1 and x > 0
            if self.looks and x + 2 < self.width and x % p["every"] == 0 and not inside:
                self.admit_candidates(x, shift)
            target = self.targets[x] + self.carried[x] * error
            around = self.entries.around(self.targets[x])
            cost = self.literal_costs(around, target, x)
            literal = int(around[np.argmin(cost)])
            self.advance(x, error, shift, recent)
            lane = self.offered()
            if lane is not None and lanes.total[lane] < cost.min():
                length, distance = int(lanes.length[lane]), int(lanes.distance[lane])
                error, shift = lanes.error[lane].copy(), lanes.total[lane]
                at = self.row + x - distance
                short = 24 <= lane < 32
                copied = lanes.recent[lane] if short else self.bytes[at - 7 : at + 1][::-1]
                recent = np.concatenate([copied[:length], nodes[x + 1 - length]])[:8]
                self.steps.append((length, distance, 0))
            else:
                error, shift = RIGHT * (target - self.entries.entries[literal]), cost.min()
                recent = np.concatenate([[literal], recent])[:8]
                self.steps.append((1, 0, literal))
            nodes.append(recent)

    def literal_costs(self, around: NDArray[np.intp], target: Vector, x: int) -> Vector:
        sq = square(self.entries.entries[around] - target)
        return self.weights[x] * sq + self.symbols.literal[around]

    def advance(self, x: int, error: Vector, shift: np.float32, recent: NDArray[np.intp]) -> None:
        """Let each lane copy one more pixel, or start here where that is cheaper."""
        lanes = self.lanes
        starts = (lanes.fresh_total < lanes.total - shift) | (lanes.length >= LONGEST)
        copied = self.colors[self.row + x - lanes.distance]
        for lane in range(24, 32):
            path = recent if starts[lane] else lanes.recent[lane]
            index = path[lane - 24]
            copied[lane] = self.entries.entries[index]
            lanes.recent[lane] = np.concatenate([[index], path])[:8]
        carried = self.carried[x] * np.where(starts[:, np.newaxis], error, lanes.error)
        left = self.targets[x] + carried - copied
        before = np.where(starts, lanes.fresh_sum, lanes.sum - shift)
        lanes.sum = before + self.weights[x] * square(left)
        lanes.length = np.where(starts, 0, lanes.length) + 1
        lanes.error = RIGHT * left
        lanes.total = lanes.sum + self.symbols.length[lanes.length]

    def offered(self) -> int | None:
        """Give the lane whose match is cheapest; of nearly equal ones the first."""
        bias = F(64) * self.bit_weight + F(1e-3)
        keys = (self.lanes.total + bias).astype(F).view(np.int32) & ~127
        able = np.flatnonzero(self.lanes.length >= SHORTEST)
        return int(able[np.argmin(keys[able])]) if len(able) else None

    def admit_candidates(self, x: int, shift: np.float32) -> None:
        """Follow distances at which likely indices of the next three pixels came before."""
        lanes = self.lanes
        idle = np.flatnonzero(lanes.total[32:] - shift > lanes.fresh_total[32:]).tolist()
        if not idle:
            return
        likely = [self.accepted(x + n) for n in range(3)]
        ways = [list(enumerate(places)) for places in sorted(product(range(3), repeat=3), key=sum)]
        ways += [[(0, 0)] * 3] * 5
        for first in range(0, self.p["n_triples"], 16):
            found = [
                self.came_before(likely, way, self.row + x) for way in ways[first : first + 16]
            ]
            followed = set(lanes.followed)
            for distance in [last for last, _ in found] + [older for _, older in found]:
                if distance and idle and distance not in followed:
                    self.follow(32 + idle.pop(0), distance, shift)

    def follow(self, lane: int, distance: int, shift: np.float32) -> None:
        lanes, symbols = self.lanes, self.symbols
        lanes.followed.pop(int(lanes.distance[lane]), None)
        lanes.followed[distance] = lane
        lanes.distance[lane] = distance
        lanes.fresh_sum[lane] = symbols.of_distance(distance)
        start = lanes.fresh_sum[lane] + symbols.length[SHORTEST] + F(0.5) * self.bit_weight
        lanes.fresh_total[lane] = start
        lanes.total[lane] = start + shift
        lanes.length[lane] |= 511  # so long that it must start anew

    def accepted(self, x: int) -> list[tuple[int, np.float32]]:
        """Give three entries and by what they cost more than the first; costs are cut off."""
        around = self.entries.around(self.targets[x])
        costs = self.literal_costs(around, self.targets[x], x).view(np.int32) & ~255
        order, costs = np.argsort(costs, kind="stable")[:3], costs.view(F)
        found = [(0, HOPELESS)] * 3
        for n, place in enumerate(order[: self.p["n_accepted"]]):
            excess = costs[place] - costs[order[0]]
            if excess <= F(8) * self.bit_weight:
                found[n] = int(around[place]), excess
        return found

    def came_before(
        self, likely: list[list[tuple[int, np.float32]]], way: list[tuple[int, int]], here: int
    ) -> tuple[int, int]:
        """Give distances to the last two places of a hash, where they are of this very triple."""
        entries, limit = [likely[pixel][place] for pixel, place in way], F(8) * self.bit_weight
        excesses = [excess for _, excess in entries]
        if HOPELESS in excesses or excesses[0] + excesses[1] + excesses[2] > limit:
            return 0, 0
        triple = [number for number, _ in entries]
        places = [0, 0, *self.chains.get(hashed(triple), [])][-2:]
        same = [at > 0 and self.bytes[at : at + 3].tolist() == triple for at in places]
        older, last = [(here - at) * is_same for at, is_same in zip(places, same, strict=True)]
        return last, older

    def commit(self) -> None:
        """Write the row along the best path, and count its symbols."""
        path, at = [], self.width
        while at:
            path.append(self.steps[at])
            at -= self.steps[at][0]
        at, symbols = self.row, self.symbols
        symbols.literals[0] += self.gap
        self.tokens += [0] * self.gap
        for length, distance, literal in reversed(path):
            places = range(at, at + length)
            for place in places:
                self.bytes[place] = self.bytes[place - distance] if distance else literal
            # What lies before a band is unknown to it, and taken for zeros by short distances.
            if distance and at - distance >= self.lead:
                symbols.lengths[symbols.length_code(length)[0]] += 1
                symbols.distances[symbols.distance_code(distance)[0]] += 1
                self.tokens.append(length << 16 | distance)
            else:
                for byte in self.bytes[places.start : places.stop].tolist():
                    symbols.literals[byte] += 1
                    self.tokens.append(byte)
            at += length
        pixels = slice(self.row, self.row + self.width)
        self.colors[pixels] = self.entries.entries[self.bytes[pixels]]
        for place in range(self.row, self.row + self.width - 2):
            triple = self.bytes[place : place + 3].tolist()
            self.chains.setdefault(hashed(triple), []).append(place)

    def diffuse(self) -> None:
        """Carry the errors of the row, no longer than the cap, to the row below."""
        below, error = np.zeros_like(self.above), np.zeros_like(self.targets[0])
        cap = F(self.p["cap"])
        for x in range(self.width):
            error = self.targets[x] + self.carried[x] * error - self.colors[self.row + x]
            length = np.sqrt(square(error))
            kept = F(0) if self.carried[x] == 0 else cap / length if length > cap else F(1)
            below[x] += LEFT * (kept * error)
            below[x + 1] += BELOW * (kept * error)
            below[x + 2] += DIAGONAL * (kept * error)
            error = error * RIGHT
        self.above = below


def symbols_of(picture: dict[str, Any]) -> Symbols:
    width = picture["ranks"].shape[1] if picture["for_webp"] else None
    return Symbols(picture["shares"], width)


def hashed(triple: list[int]) -> int:
    number = triple[0] | triple[1] << 8 | triple[2] << 16
    return (number * 0x9E3779B1 & 0xFFFFFFFF) >> 17


def parse(
    rows_per_band: int, **picture: Any
) -> tuple[NDArray[np.uint8], NDArray[np.uint32], float]:
    """Choose indices inside the parse, as `_native.parse` does; give tokens and their bits too."""
    height, bits, drawn, tokens = len(picture["ranks"]), 0.0, [], []
    for first in range(0, height, rows_per_band):
        band = Band(picture, range(first, min(first + rows_per_band, height)))
        drawn.append(band.run())
        tokens += band.tokens
        bits += band.symbols.bits(symbols_of(picture))
    return np.concatenate(drawn), np.array(tokens, np.uint32), bits


def inflated(tokens: NDArray[np.uint32]) -> bytes:
    """Give the bytes that literals and matches stand for."""
    made: list[int] = []
    for token in tokens.tolist():
        length, distance = token >> 16, token & 0xFFFF
        if not length:
            made.append(token)
        for _ in range(length):
            made.append(made[-distance])
    return bytes(made)

"""What symbols of deflate and WebP cost, estimated from how often they came; slow and obvious."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

F = np.float32
SHORTEST, LONGEST = 3, 258


def code_of(n: int, n_plain: int, steps_log2: int) -> tuple[int, int]:
    """Give deflate's code of a number from 0 and its extra bits: codes double every few."""
    if n < n_plain:
        return n, 0
    extra = n.bit_length() - 1 - steps_log2
    return (extra << steps_log2) + (n >> extra), extra


def length_code(length: int) -> tuple[int, int]:
    return (28, 0) if length == LONGEST else code_of(length - SHORTEST, 8, 2)


def distance_code(distance: int) -> tuple[int, int]:
    return code_of(distance - 1, 4, 1)


def nearby(width: int) -> dict[int, int]:
    """Number distances to pixels nearby as WebP does: the nearest first, then those above."""
    places = [(y, x) for y in range(8) for x in range(-7, 9) if y > 0 or x > 0]
    places.sort(key=lambda place: (place[0] ** 2 + place[1] ** 2, abs(place[1]), -place[1]))
    numbers: dict[int, int] = {}
    for number, (y, x) in enumerate(places, 1):
        numbers.setdefault(y * width + x, number)
    return numbers


def log2_of(x: float) -> float:
    """Give the base-2 logarithm by the kernel's series."""
    mantissa, exponent = math.frexp(x)
    z = (2 * mantissa - 1) / (2 * mantissa + 1)
    total = 0.0
    for n in range(17, 0, -2):
        total = total * (z * z) + 1.0 / n
    return exponent - 1 + 2.885390081777926815 * z * total


def in_order(values: Any) -> float:
    """Add one after the other: the built-in sum compensates its errors in newer Pythons."""
    total = 0.0
    for value in values:
        total += float(value)
    return total


class Symbols:
    """Literals, lengths and distances, how often they came, and what they cost.

    With the width of a picture they are those of its WebP.
    """

    def __init__(self, shares: NDArray[np.float64], webp_width: int | None = None) -> None:
        self.nearby = None if webp_width is None else nearby(webp_width)
        n_distances = 30 if self.nearby is None else 31
        self.distances = [0.7 * 1500.0 / n_distances] * n_distances
        self.literals, self.lengths = [0.0] * 256, []
        self.literals[: len(shares)] = [0.3 * 1500.0 * float(share) for share in shares]
        left = 1.0
        for _ in range(29):
            self.lengths.append(0.7 * 1500.0 * left * 0.12)
            left -= left * 0.12

    def price(self, bit_weight: np.float32) -> None:
        total = in_order(self.literals + self.lengths)

        def cost(count: float, of: float, extra: int = 0) -> np.float32:
            bits = log2_of(of / count) if count > 0 else 15.0
            return bit_weight * F(min(max(bits, 1.0), 15.0) + extra)

        self.literal = np.array([cost(n, total) for n in self.literals], F)
        lengths = [self.length_code(max(n, SHORTEST)) for n in range(LONGEST + 1)]
        self.length = np.array([cost(self.lengths[c], total, extra) for c, extra in lengths], F)
        of = in_order(self.distances)
        self.distance = [cost(n, of, max(c // 2 - 1, 0)) for c, n in enumerate(self.distances)]

    def length_code(self, length: int) -> tuple[int, int]:
        return length_code(length) if self.nearby is None else distance_code(length)

    def distance_code(self, distance: int) -> tuple[int, int]:
        if self.nearby is None:
            return distance_code(distance)
        return distance_code(self.nearby.get(distance, distance + 120))

    def of_distance(self, distance: int) -> np.float32:
        return self.distance[self.distance_code(distance)[0]]

    def bits(self, prior: "Symbols") -> float:
        """Give the bits of what came, were each code as long as its share says."""
        codes = [n - m for n, m in zip(self.literals, prior.literals, strict=True)]
        lengths = [n - m for n, m in zip(self.lengths, prior.lengths, strict=True)]
        distances = [n - m for n, m in zip(self.distances, prior.distances, strict=True)]
        extra = [0 if c < 8 or c == 28 else c // 4 - 1 for c in range(29)]
        if self.nearby is not None:
            extra = [max(c // 2 - 1, 0) for c in range(29)]
        counted = [(n, sum(codes + lengths), 0) for n in codes]
        counted += [(n, sum(codes + lengths), bits) for n, bits in zip(lengths, extra, strict=True)]
        counted += [(n, sum(distances), max(c // 2 - 1, 0)) for c, n in enumerate(distances)]
        return sum(n * (math.log2(of / n) + bits) for n, of, bits in counted if n > 0.5)


def cheapest_path(data: bytes) -> list[int]:
    """Give tokens for some bytes: the cheapest path while nothing is known of them yet.

    At each place the longest match of each code of distances is looked at, and of these the lengths
    that are the longest ones of their codes.
    """
    n, symbols = len(data), Symbols(np.zeros(0))
    symbols.literals = [0.0] * 256
    for byte in data:
        symbols.literals[byte] += 0.3
    symbols.lengths, symbols.distances = [0.7 * n / 29] * 29, [0.7 * n / 30] * 30
    symbols.price(F(1))
    rest, tokens = [0.0] * (n + 1), [0] * n
    for place in range(n - 1, -1, -1):
        tokens[place] = data[place]
        rest[place] = float(symbols.literal[data[place]]) + rest[place + 1]
        for length, distance in _matches(data, place):
            cost = float(symbols.of_distance(distance)) + float(symbols.length[length])
            if cost + rest[place + length] < rest[place]:
                rest[place] = cost + rest[place + length]
                tokens[place] = length << 16 | distance
    path, place = [], 0
    while place < n:
        path.append(tokens[place])
        place += max(tokens[place] >> 16, 1)
    return path


def _matches(data: bytes, place: int) -> list[tuple[int, int]]:
    """Give lengths and distances, the cheapest codes of distances first."""
    longest: dict[int, tuple[int, int]] = {}
    for distance in range(1, place + 1):
        length = 0
        ahead = data[place:]
        while length < len(ahead) and ahead[length] == data[place - distance + length]:
            length += 1
        code = distance_code(distance)[0]
        if length > longest.get(code, (SHORTEST - 1, 0))[0]:
            longest[code] = min(length, LONGEST), distance
    found, covered = [], SHORTEST - 1
    for code in sorted(longest):
        most, distance = longest[code]
        lengths = [n for n in range(covered + 1, most) if length_code(n) != length_code(n + 1)]
        found += [(length, distance) for length in [*lengths, most] if length > covered]
        covered = max(covered, most)
    return found

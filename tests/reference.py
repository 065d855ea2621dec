"""Slow, obvious NumPy versions of the native functions."""

import numpy as np
from numpy.typing import NDArray

from pimenton import _native
from pimenton.pixels import Colors, Counts, Points, Weights


def interleaved(channels: list[NDArray[np.uint8]]) -> NDArray[np.uint64]:
    """Interleave the bits of channels, the first one's highest."""
    code = np.zeros(len(channels[0]), np.uint64)
    for bit in range(7, -1, -1):
        for channel in channels:
            code = code * np.uint64(2) + (channel >> bit & 1).astype(np.uint64)
    return code


def histogram_order(colors: Colors) -> NDArray[np.intp]:
    """Sort colors: translucent ones by four channels' bits, then opaque ones by three channels'."""
    r, g, b, a = colors.T
    opaque = a == 255
    code = np.where(opaque, interleaved([r, g, b]), interleaved([r, g, b, a]))
    return np.lexsort((code, opaque))


def count_colors(pixels: NDArray[np.uint8]) -> tuple[Colors, Counts]:
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    order = histogram_order(colors)
    return colors[order], counts[order]


def count_coarsely(pixels: NDArray[np.uint8], n_bits: int) -> tuple[Colors, Counts]:
    """Give rounded means of the pixels that agree in the upper bits of their codes."""
    cells = opaque_codes(pixels) >> np.uint32(24 - n_bits)
    if (pixels[:, 3] < 255).any():
        cells = cells[:0]
    colors, counts = [], []
    for cell in np.unique(cells):
        inside = pixels[cells == cell].astype(np.int64)
        counts.append(len(inside))
        colors.append((inside.sum(axis=0) + len(inside) // 2) // len(inside))
    return np.array(colors, np.uint8).reshape(-1, 4), np.array(counts, np.int64)


def expand_pixels(values: NDArray[np.uint8]) -> Colors:
    n_channels = values.shape[1]
    colors = values[:, [0, 0, 0]] if n_channels < 3 else values[:, :3]
    alpha = values[:, -1] if n_channels % 2 == 0 else np.full(len(values), 255, np.uint8)
    pixels = np.column_stack([colors, alpha])
    pixels[alpha == 0] = 0
    return pixels


def has_hidden_colors(pixels: Colors) -> bool:
    return bool(pixels[pixels[:, 3] == 0].any())


def rank_colors(pixels: NDArray[np.uint8], colors: Colors) -> NDArray[np.uint32]:
    place = {bytes(color): i for i, color in enumerate(colors)}
    return np.array([place.get(bytes(pixel), 2**32 - 1) for pixel in pixels], np.uint32)


def squared_distances(points: Points, centroids: Points) -> NDArray[np.float32]:
    """Give (n, k) distances, summed in float32 in the kernel's order."""
    d = points[:, np.newaxis] - centroids
    d *= d
    total = d[..., 0]
    for a in range(1, d.shape[2]):
        total = total + d[..., a]
    return total


def assign(points: Points, centroids: Points) -> NDArray[np.uint32]:
    return squared_distances(points, centroids).argmin(axis=1).astype(np.uint32)


def neighbour_distances(points: Points) -> NDArray[np.float64]:
    sq = squared_distances(points.astype(np.float64), points.astype(np.float64))
    np.fill_diagonal(sq, np.inf)
    return np.sqrt(sq.min(axis=1))


def nearest_distances(points: Points, centroids: Points) -> NDArray[np.float32]:
    return squared_distances(points, centroids).min(axis=1)


def mix_colors(
    points: Points, entries: Points, labels: NDArray[np.uint32], grain: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    partners = np.zeros(len(points), np.uint8)
    shares = np.zeros(len(points), np.float32)
    for i, (point, own) in enumerate(zip(points, labels, strict=True)):
        d = entries - entries[own]
        e = (point - entries[own]) * d
        along = e[:, 0] + e[:, 1] + e[:, 2] + e[:, 3]
        squares = d * d
        sq = squares[:, 0] + squares[:, 1] + squares[:, 2] + squares[:, 3]
        slope = 2 * along - np.float32(grain) * sq
        with np.errstate(all="ignore"):
            share = slope / (2 * (1 - np.float32(grain)) * sq)
            gain = np.where(slope > 0, np.float32(0.5) * share * slope, 0)
        partners[i] = gain.argmax() if gain.max() > 0 else own
        shares[i] = share[partners[i]] if gain.max() > 0 else 0
    return partners, shares


def assign_precisely(
    points: NDArray[np.float64], centroids: NDArray[np.float64]
) -> NDArray[np.uint32]:
    d = (points[:, np.newaxis] - centroids) ** 2
    return (d[..., 0] + d[..., 1] + d[..., 2] + d[..., 3]).argmin(axis=1).astype(np.uint32)


class LloydStep:
    """The moments of each centroid's points."""

    def __init__(self, points: Points, weights: Weights, n_threads: int) -> None:
        self.points, self.weights = points, weights

    def __call__(self, centroids: Points) -> NDArray[np.float64]:
        labels = assign(self.points, centroids)
        x = self.points.astype(np.float64)
        terms = np.column_stack([x, x * x, np.ones(len(x))]) * self.weights[:, np.newaxis]
        moments = np.zeros((len(centroids), 9))
        np.add.at(moments, labels, terms)
        return moments


def merge_runs(
    points: Points, weights: Weights, n_each: int, n_threads: int
) -> tuple[Points, Weights]:
    at = np.arange(0, len(points), n_each)
    masses = np.add.reduceat(weights, at)
    sums = np.add.reduceat(points * weights[:, np.newaxis], at, axis=0)
    return (sums / masses[:, np.newaxis]).astype(np.float32), masses


def merge_cells(points: Points, weights: Weights, n_cells: int) -> tuple[Points, Weights]:
    """Merge points by a grid of 16 cells a side whose cells are halved while they vary much."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = (high - low).astype(np.float64)
    scaled = (points - low) / np.where(extent > 0, extent, 1) * 16
    _, cells = np.unique(np.minimum(scaled.astype(int), 15), axis=0, return_inverse=True)
    cells = cells.ravel()
    total, means, inertia = _cell_sums(points, weights, cells)
    limit = (4 * np.sqrt(inertia).sum() / n_cells) ** 2
    for _ in range(4):
        heavy = inertia[cells] > limit
        parts = (points > means[cells]) @ np.array([1, 2, 4, 8])
        _, cells = np.unique(cells * 16 + np.where(heavy, parts, 0), return_inverse=True)
        total, means, inertia = _cell_sums(points, weights, cells)
    order = np.argsort(np.unique(cells, return_index=True)[1])
    return means[order], total[order]


def _cell_sums(
    points: Points, weights: Weights, cells: NDArray[np.intp]
) -> tuple[Weights, Points, NDArray[np.float64]]:
    """Give weight, mean and inertia of each cell."""
    x = points.astype(np.float64)
    total = np.bincount(cells, weights)
    means = np.array([np.bincount(cells, weights * axis) / total for axis in x.T]).T
    inertia = np.bincount(cells, weights * ((x - means[cells]) ** 2).sum(axis=1))
    return total, means.astype(np.float32), inertia


def linear_light(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decode sRGB values from 0 to 1 (IEC 61966-2-1)."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def oklab(colors: Colors) -> NDArray[np.float64]:
    """Give Oklab coordinates (B. Ottosson, 2020) over gray, and the coordinate of opacity."""
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    axes = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    opacity = colors[:, 3:] / 255
    roots = np.cbrt(linear_light(colors[:, :3] / 255) @ cones.T)
    over_gray = roots @ axes.T * opacity + np.array([0.5, 0, 0]) * (1 - opacity)
    place = np.where(opacity == 1, 1.0, 1 - 1.4 - 0.5 * (1 - opacity))
    return np.hstack([over_gray, np.where(opacity == 0, place - 1.4, place)])


def place_colors(
    colors: Colors,
    channel: NDArray[np.float32],
    opacities: NDArray[np.float32],
    gray: tuple[float, float, float],
) -> Points:
    opacity = (colors[:, 3:] * np.float32(1 / 255)).astype(np.float32)
    over_gray = channel[colors[:, :3]] * opacity + np.array(gray, np.float32) * (1 - opacity)
    return np.hstack([over_gray, opacities[colors[:, 3:]]])


class BandDiffuser:
    """Diffuses errors pixel by pixel, in float32: eight rows in one direction, eight in the other.

    An opacity that all entries share is not looked at. Squared distances are compared by their
    upper 24 bits, and among equals the first entry is taken.
    """

    def __init__(
        self,
        width: int,
        space: _native.ChannelSpace | _native.RootSpace,
        entries: Points,
        colors: Colors,
        taps: NDArray[np.float32],
        strength: float,
        cap: float,
        serpentine: bool,
    ) -> None:
        n_axes = 3 if (entries[:, 3] == entries[0, 3]).all() else 4
        self.space, self.entries = space, np.ascontiguousarray(entries[:, :n_axes])
        self.colors, self.taps = colors, taps
        self.strength, self.cap, self.serpentine = np.float32(strength), np.float32(cap), serpentine

    def draw(
        self, pixels: NDArray[np.uint8], has_above: bool, has_below: bool
    ) -> NDArray[np.uint8]:
        assert not has_above
        assert not has_below
        height, width = pixels.shape[:2]
        n_axes = self.entries.shape[1]
        points = self.space.points(pixels.reshape(-1, 4), 1)[:, :n_axes]
        words = pixels.copy().view(np.uint32)[:, :, 0]
        padded = np.pad(words, 1, mode="edge")
        own = self.colors.view(np.uint32)[:, 0].tolist()
        exact = {word: j for j, word in reversed(list(enumerate(own)))}
        errors = np.zeros((height + 4, width + 8, n_axes), np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):
            longest = self.cap / self.strength
        indices = np.zeros((height, width), np.uint8)
        for y in range(height):
            direction = -1 if self.serpentine and y // 8 % 2 else 1
            for x in range(width)[::direction]:
                word = words[y, x]
                around = padded[y : y + 3, x : x + 3]
                is_flat = (around[1] == word).all() and (around[:, 1] == word).all()
                if is_flat and int(word) in exact:
                    indices[y, x] = exact[int(word)]
                    continue
                target = points[y * width + x].copy()
                for dx, dy, share in self.taps[::-1]:
                    target += errors[y + 4 - int(dy), x + 4 - direction * int(dx)] * share
                sq = squared_distances(target[np.newaxis], self.entries)[0]
                indices[y, x] = best = (sq.view(np.uint32) >> 8).argmin()
                shorter = sq[best] > longest * longest
                share = self.cap / np.sqrt(sq[best]) if shorter else self.strength
                errors[y + 4, x + 4] = (target - self.entries[best]) * share
        return indices


def opaque_codes(colors: Colors) -> NDArray[np.uint32]:
    return interleaved([colors[:, 0], colors[:, 1], colors[:, 2]]).astype(np.uint32)


def opaque_colors(codes: NDArray[np.uint32]) -> Colors:
    channels = [sum((codes >> 3 * i + c & 1) << i for i in range(8)) for c in (2, 1, 0)]
    return np.column_stack([*channels, np.full(len(codes), 255)]).astype(np.uint8)


def look_up(pixels: NDArray[np.uint8], table: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], bool]:
    opaque = pixels[:, 3] == 255
    return np.where(opaque, table[opaque_codes(pixels)], 0).astype(np.uint8), bool(opaque.all())


def halve_pixels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(int)
    squares = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 4)
    opacity = squares[..., 3:].sum(axis=(1, 3))
    sums = (squares[..., :3] * squares[..., 3:]).sum(axis=(1, 3))
    alpha = (opacity + 2) // 4
    colors = np.where(alpha > 0, (sums + opacity // 2) // np.maximum(opacity, 1), 0)
    return np.concatenate([colors, alpha], axis=2).astype(np.uint8)


def unfilter(filtered: NDArray[np.uint8], row_bytes: int, pixel_bytes: int) -> NDArray[np.uint8]:
    rows = filtered.reshape(-1, row_bytes + 1).astype(int)
    result = np.zeros((len(rows) + 1, row_bytes + pixel_bytes), int)
    for y, (kind, *values) in enumerate(rows.tolist()):
        for i, value in enumerate(values):
            a, b, c = result[y + 1, i], result[y, i + pixel_bytes], result[y, i]
            paeth = min((a, b, c), key=lambda guess: abs(a + b - c - guess))
            prediction = [0, a, b, (a + b) // 2, paeth][kind]
            result[y + 1, i + pixel_bytes] = (value + prediction) % 256
    return result[1:, pixel_bytes:].astype(np.uint8)


def find_regions(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Flood from each marked pixel that has no region yet."""
    region = np.full(mask.shape, -1)
    n_regions = 0
    for start in np.argwhere(mask):
        waiting = [tuple(start.tolist())] if region[tuple(start)] < 0 else []
        n_regions += len(waiting)
        while waiting:
            y, x = waiting.pop()
            if not (0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]):
                continue
            if mask[y, x] and region[y, x] < 0:
                region[y, x] = n_regions - 1
                waiting += [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    places = np.flatnonzero(mask)
    return places, region.ravel()[places].astype(np.uint32)


def unpack_lzw(data: bytes, bits: int) -> list[int]:
    """Decode GIF's LZW codes, low bits first, from a root of 2**bits indices."""
    clear = 1 << bits
    stream = int.from_bytes(data, "little")
    phrases: list[list[int]] = []
    out: list[int] = []
    before: list[int] | None = None
    n_bits = bits + 1
    while True:
        code, stream = stream & ((1 << n_bits) - 1), stream >> n_bits
        if code == clear + 1:
            assert stream == 0
            return out
        if code == clear:
            phrases = [[i] for i in range(clear)] + [[], []]
            before, n_bits = None, bits + 1
            continue
        if before is not None and len(phrases) < 4096:
            first = phrases[code][0] if code < len(phrases) else before[0]
            phrases.append([*before, first])
        before = phrases[code]
        out += before
        n_bits = min(12, max(bits + 1, len(phrases).bit_length()))


def weigh_texture(
    lightness: NDArray[np.float32], forgiven: float, quarters: int
) -> NDArray[np.float32]:
    """Weigh by the variance under a Gaussian of 1.5 pixels; edges go on as they are."""
    gauss = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    taps = np.round(gauss / gauss.sum(), 8).astype(np.float32)

    def blurred(values: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = values.shape
        padded = np.pad(values, 5, mode="edge")
        along, down = np.zeros((height + 10, width), np.float32), np.zeros_like(values)
        for t, tap in enumerate(taps):
            along += tap * padded[:, t : t + width]
        for t, tap in enumerate(taps):
            down += tap * along[t : t + height]
        return down

    variance = np.maximum(blurred(lightness * lightness) - blurred(lightness) ** 2, 0)
    share: NDArray[np.float32] = np.float32(forgiven) / (np.float32(forgiven) + variance)
    return np.sqrt(np.sqrt(share)) ** quarters


def bring_together(
    meetings: NDArray[np.int64], kinds: NDArray[np.uint8], order: list[int], n_passes: int
) -> list[int]:
    """Swap each entry with the one of its kind that lowers the sum over pairs most."""

    def total(places: list[int]) -> int:
        where = np.argsort(places)
        apart = np.abs(where[:, np.newaxis] - where)
        return int((meetings * np.floor(16 * np.sqrt(apart) + 0.5).astype(np.int64)).sum()) // 2

    places = list(order)
    for _ in range(n_passes):
        for a in range(len(places)):
            totals = []
            for b in range(len(places)):
                swapped = [{a: b, b: a}.get(entry, entry) for entry in places]
                totals.append(total(swapped) if kinds[a] == kinds[b] else total(places))
            b = int(np.argmin(totals))
            if totals[b] < total(places):
                places = [{a: b, b: a}.get(entry, entry) for entry in places]
    return places

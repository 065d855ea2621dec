"""The border to the kernel: arrays are C-contiguous and of exactly the types named here."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pimenton.pixels import Colors, Counts, Indices, Pixels, Points, Ranks, Weights

def simd_width() -> str:
    """Name the SIMD width in use: baseline, avx2 or avx512."""

def set_simd_width(name: str) -> None:
    """Use a SIMD width of this processor; no result depends on it."""

def count_colors(pixels: NDArray[np.uint8], n_threads: int) -> tuple[Colors, Counts]:
    """Give the distinct colors (m, 4) of pixels (n, 4) in histogram order, and counts (m,)."""

def count_coarsely(pixels: NDArray[np.uint8], n_bits: int, n_threads: int) -> tuple[Colors, Counts]:
    """Merge the colors of opaque pixels (n, 4) whose places agree in the upper n_bits of 24.

    Give means (m, 4), rounded, in histogram order and counts (m,); none if a pixel is not opaque.
    """

def rank_colors(pixels: NDArray[np.uint8], colors: Colors, n_threads: int) -> NDArray[np.uint32]:
    """Give each pixel's place (n,) in colors (m, 4) in histogram order, 2**32 - 1 where absent."""

def expand_pixels(values: NDArray[np.uint8]) -> Colors:
    """Give pixels (n, 4) of gray, gray with alpha, RGB or RGBA (n, 1 to 4).

    Those without opacity become zero.
    """

def has_hidden_colors(pixels: Colors) -> bool:
    """Tell whether a pixel of (n, 4) without opacity is not zero."""

def label_pixels(
    pixels: NDArray[np.uint8], colors: Colors, labels: NDArray[np.uint8], n_threads: int
) -> NDArray[np.uint8]:
    """Give the label (n,) of each pixel's color, from the labels (m,) of colors (m, 4)."""

class ChannelSpace:
    """A space of each channel's values by a table (256,), over gray.

    The opacities (256,) are the fourth coordinates of alpha 0 to 255.
    """

    def __init__(
        self,
        channel: NDArray[np.float32],
        opacities: NDArray[np.float32],
        gray: tuple[float, float, float],
    ) -> None: ...
    def points(self, colors: Colors, n_threads: int) -> Points:
        """Take colors (n, 4) to points (n, 4)."""

class RootSpace:
    """A space given by 27 numbers: two matrices, an offset, a toe and a gray.

    The opacities (256,) are the fourth coordinates of alpha 0 to 255.
    """

    def __init__(self, numbers: Sequence[float], opacities: NDArray[np.float32]) -> None: ...
    def points(self, colors: Colors, n_threads: int) -> Points:
        """Take colors (n, 4) to points (n, 4)."""

def linear_light() -> NDArray[np.float64]:
    """Give linear light (511,) of the sRGB values 0, 0.5, 1 ... 255."""

def assign(points: Points, centroids: Points, n_threads: int) -> NDArray[np.uint32]:
    """Give the number (n,) of the nearest centroid of each point, the lowest among equals."""

def split_points(points: Points, weights: Weights, n_clusters: int) -> Points:
    """Give the means (k, 4) of clusters, the one that gains most cut in two again and again."""

def map_by_grid(
    pixels: NDArray[np.uint8], space: ChannelSpace | RootSpace, entries: Points, n_threads: int
) -> NDArray[np.uint8]:
    """Give the number of the entry (k, 4) nearest to each pixel (n, 4): the first among equals."""

def map_pixels(
    pixels: NDArray[np.uint8],
    colors: Colors,
    table: NDArray[np.float32],
    opacity: float,
    entries: Points,
    n_threads: int,
) -> NDArray[np.uint8]:
    """Give the nearest entry (n,) of opaque pixels (n, 4) whose channels have a table (256,).

    The fourth coordinate of all is opacity. For each pixel one of the colors (m, 4), which are in
    histogram order, must agree in the upper five bits of every channel.
    """

class BandDiffuser:
    """Diffuses errors down a picture that comes in bands of rows.

    Entries (k, 4) are the points of the palette's colors (k, 4) in the space; taps (t, 3) are dx,
    dy and share of the error. Where a color of the palette fills a pixel and its four neighbours,
    it is taken.
    """

    def __init__(
        self,
        width: int,
        space: ChannelSpace | RootSpace,
        entries: Points,
        colors: Colors,
        taps: NDArray[np.float32],
        strength: float,
        cap: float,
        serpentine: bool,
    ) -> None: ...
    def draw(self, pixels: Pixels, has_above: bool, has_below: bool) -> Indices:
        """Give indices of the next rows, (h, w, 4) without a row of context above and below.

        The context is what lies above and below them in the picture.
        """

    def errors(self) -> Points:
        """Give what the last rows were off, which rows to come need."""

    def go_on_at(self, y: int, errors: Points) -> None:
        """Take up again at a row with the errors that there were."""

def opaque_codes(colors: Colors) -> NDArray[np.uint32]:
    """Give the place (n,) of each opaque color (n, 4) among all 2**24 in histogram order."""

def opaque_colors(codes: NDArray[np.uint32]) -> Colors:
    """Give the opaque colors (n, 4) at places (n,) among all 2**24 in histogram order."""

def look_up(
    pixels: NDArray[np.uint8], table: NDArray[np.uint8], n_threads: int
) -> tuple[NDArray[np.uint8], bool]:
    """Give what a table (2**24,) of opaque colors has for pixels (n, 4), zero where not opaque.

    And whether all of them are opaque.
    """

def halve_pixels(pixels: Pixels) -> Pixels:
    """Give a picture of half the size, rounded up: means of 2 x 2 pixels weighted by opacity."""

def assign_precisely(
    points: NDArray[np.float64], centroids: NDArray[np.float64], n_threads: int
) -> NDArray[np.uint32]:
    """Give what assign gives, in double precision for points (n, 4) and centroids (k, 4)."""

def merge_runs(
    points: Points, weights: Weights, n_each: int, n_threads: int
) -> tuple[Points, Weights]:
    """Give the mean and the weight of each run of so many points, the last one shorter."""

def merge_cells(points: Points, weights: Weights, n_cells: int) -> tuple[Points, Weights]:
    """Merge points by about n_cells cells of about equal inertia into weighted means."""

def search(
    points: Points,
    weights: Weights,
    start: Points,
    n_clusters: int,
    n_rounds: int,
    n_breaths: int,
    n_trials: int,
    n_pairs: int,
    least_share: float,
    seed: int,
) -> tuple[Points, NDArray[np.float64]]:
    """Look for n_clusters centroids, from given ones, at least one.

    Clusters are split and dissolved in n_rounds: many at once in n_breaths, single ones in n_trials
    at most, one of each at once in n_pairs. Gives centroids, fewer where the points run out, and
    inertia from move to move.
    """

def neighbour_distances(points: Points) -> NDArray[np.float64]:
    """Give the distance (n,) of each point (n, 4) from the nearest other one."""

def nearest_distances(points: Points, centroids: Points, n_threads: int) -> NDArray[np.float32]:
    """Give the squared distance of each point to its nearest centroid."""

def mix_colors(
    points: Points, entries: Points, labels: NDArray[np.uint32], grain: float, n_threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Give the entry to mix each point's nearest one with, and its share, 0 to about 1/2.

    Least is squared error of the average plus grain times the variance of the mixture.
    """

def find_regions(
    mask: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Give the places (n,) of the marked pixels of (height, width), and their regions (n,).

    Pixels that touch, corners included, are of one region. Places count pixels row by row; regions
    are numbered in the order of their first pixels.
    """

def weigh_texture(
    lightness: NDArray[np.float32], forgiven: float, quarters: int, n_threads: int
) -> NDArray[np.float32]:
    """Give (forgiven / (forgiven + v))**(quarters / 4), v the variance around (h, w) lightness."""

def parse(
    ranks: Ranks,
    points: Points,
    exact: NDArray[np.int16],
    weights: NDArray[np.float32],
    entries: Points,
    shares: Weights,
    bit_weight: float,
    carried: float,
    cap: float,
    edge: float,
    n_dynamic: int,
    n_triples: int,
    n_accepted: int,
    every: int,
    for_webp: bool,
    rows_per_band: int,
    n_threads: int,
) -> tuple[Indices, NDArray[np.uint32], float]:
    """Choose indices inside a lossy LZ77 parse; give them, tokens, and the bits these should need.

    ranks (h, w) are rows of points (m, 4), exact (m,) their equal entry or -1, weights (h, w) those
    of squared errors, entries (k, 4) the palette, shares (k,) of pixels nearest to each. Where
    neighbours are farther from each other than a positive edge, no error is carried on. Up to
    n_dynamic (a multiple of 16) distances are followed besides 32 fixed ones, found at every so
    many pixels from n_triples (0, 16 or 32) triples of n_accepted (1 to 3) entries. Tokens are what
    ``deflate`` takes, each row after a 0, or ``write_webp``.
    """

def deflate(tokens: NDArray[np.uint32], joins: bool = True) -> NDArray[np.uint8]:
    """Write deflate's stream of literals and matches: a byte, or 65536 * length + distance.

    The bytes that come of it are those of the tokens, which may be joined to fewer.
    """

def write_webp(
    tokens: NDArray[np.uint32], width: int, colors: NDArray[np.uint32]
) -> NDArray[np.uint8]:
    """Write the body of a lossless WebP's chunk.

    Tokens are as for ``deflate``, their bytes places in 17 to 256 colors, 0xAARRGGBB, and fill rows
    of a width up to 16384.
    """

def bring_together(
    meetings: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    order: NDArray[np.int64],
    n_passes: int,
) -> NDArray[np.int64]:
    """Swap entries of one kind in an order so that those which meet often stand near each other.

    meetings (k, k) are symmetrical, with nothing on the diagonal. What falls, from swap to swap, is
    the sum over pairs of their meetings times the root of their distance, in sixteenths.
    """

def shortest(data: NDArray[np.uint8], n_rounds: int) -> NDArray[np.uint32]:
    """Find the tokens that ``deflate`` writes some bytes with in about the fewest bits.

    The cheapest path is looked for up to n_rounds times, each time by the codes of the last one.
    """

def parse_lzw(
    ranks: Ranks,
    points: Points,
    exact: NDArray[np.int16],
    weights: NDArray[np.float32],
    entries: Points,
    bit_weight: float,
    carried: float,
    cap: float,
    n_first: int,
    n_kept: int,
    horizon: int,
    rows_per_band: int,
    n_threads: int,
) -> tuple[Indices, NDArray[np.uint8]]:
    """Choose indices inside a lossy LZW parse; give them and GIF's packed codes.

    The picture is given as for ``parse``. Phrases begin with up to n_first entries, n_kept of them
    are followed at a time, and a code is settled once phrases reach horizon (1 to 256) pixels on.
    """

def unfilter(filtered: NDArray[np.uint8], row_bytes: int, pixel_bytes: int) -> NDArray[np.uint8]:
    """Undo the filters of PNG rows (n_rows * (1 + row_bytes),): (n_rows, row_bytes)."""

class LloydStep:
    """Points (n, 4) and weights (n,) prepared for many steps of K-means, one after the other.

    Only what changes its centroid from a step to the next is added up anew.
    """

    def __init__(self, points: Points, weights: Weights, n_threads: int) -> None: ...
    def __call__(self, centroids: Points) -> NDArray[np.float64]:
        """Give the moments (k, 9) of each centroid's points.

        The columns are the sums of weighted coordinates (4), of weighted squared coordinates (4),
        and of weights.
        """

def pyramid(
    pixels: NDArray[np.uint8], space: Sequence[float], n_scales: int, n_threads: int
) -> NDArray[np.float32]:
    """Give three planes at each of up to n_scales scales, one after the other.

    The space is 24 numbers: a matrix from linear sRGB, a bias, a matrix from cube roots, an offset.
    A scale is half of the one before, which has no side below 8. Opacity is not looked at.
    """

def ssimulacra2(
    a: NDArray[np.float32], b: NDArray[np.float32], height: int, width: int, n_threads: int
) -> float:
    """Score pyramids of 6 scales in XYB by SSIMULACRA 2.1; a is the original."""

def ssim(
    a: NDArray[np.float32], b: NDArray[np.float32], height: int, width: int, n_threads: int
) -> tuple[float, NDArray[np.float32]]:
    """Give multi-scale SSIM of pyramids of 5 scales, and its error map (height, width)."""

def ssimulacra2_weights() -> NDArray[np.float64]:
    """Give the weights (108,) of SSIMULACRA 2.1: by plane, scale, exponent and error map."""

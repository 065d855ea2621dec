"""One histogram of many files, and the palette that all of them share.

Counts are integers, so their sum is the same in any order, and a palette for a whole corpus is bit
for bit the same from one machine and from a thousand. On a cluster the files are counted where
they are, and the sums added up as a tree. Where one sum would get too long for a machine, it is
given up for counts of coarse cells of colors; these tell how to cut the colors into parts of a
bearable length, and each part is counted exactly by a tree of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import islice
from operator import add, itemgetter
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pimenton.batch import FAILURES, Job
from pimenton.fitting import palette_of
from pimenton.histogram import Histogram
from pimenton.options import Options
from pimenton.pixels import Colors
from pimenton.places import content_of
from pimenton.reading import read_image

T = TypeVar("T")

# Hands a call over to other machines; gives what may stand for its result in later calls.
Submit: TypeAlias = Callable[..., Any]

# Files counted by one call on a cluster.
N_TOGETHER = 8

# Colors of a sum that a machine of a cluster must bear: 48 MiB, and a few times that to add.
LONGEST = 1 << 22

# Cells of 32 values of each channel; full opacity is a ninth of its own.
N_CELLS = 8 * 8 * 8 * 9

Cells: TypeAlias = NDArray[np.int64]
Parts: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Count:
    """Colors of some files.

    Attributes
    ----------
    exact : Histogram or None
        All of them; None if they were too many, or if no file could be read.
    cells : (N_CELLS,) int64
        Pixels in each coarse cell.
    """

    exact: Histogram | None
    cells: Cells

    @property
    def is_short(self) -> bool:
        """Whether the colors are known."""
        return self.exact is not None or not self.cells.any()


def share_palette(
    jobs: Callable[[], Iterable[Job]],
    options: Options,
    *,
    lenient: bool = False,
    n_threads: int | None = None,
    submit: Submit | None = None,
    longest: int = LONGEST,
) -> Options:
    """Impose on many files the palette that all of them together would have.

    Parameters
    ----------
    jobs : callable
        Gives the files; those that cannot be read have no say. Called twice on a cluster if there
        are too many colors for one of its machines.
    options : Options
        The choices.
    lenient : bool, optional
        As in ``read_image``.
    n_threads : int, optional
        Threads to use here, by default one a core; they change no bit.
    submit : callable, optional
        Hands calls over to a cluster; what it gives has a method ``result``.
    longest : int, optional
        Colors up to which the cluster's sums stay whole.

    Returns
    -------
    Options
        With the palette.
    """
    if submit is None:
        histogram = histogram_of(jobs(), lenient=lenient, n_threads=n_threads)
    else:
        histogram = histogram_from(submit, jobs, longest, lenient=lenient)
    if histogram is None:
        return options
    palette = palette_of(histogram, options, n_threads=n_threads)
    return replace(options, palette=palette.hex, n_colors=None, lock=None, depth=None)


def histogram_of(
    jobs: Iterable[Job], *, lenient: bool = False, n_threads: int | None = None
) -> Histogram | None:
    """Count the colors of files here; None if none can be read."""

    def counted() -> Iterator[Histogram]:
        for job in jobs:
            try:
                content = content_of(job.source)
                yield Histogram.of(read_image(content, lenient=lenient), n_threads=n_threads)
            except FAILURES:
                continue

    # By length, so that what is held is no longer than twice the sum.
    return sum_up(counted(), add, lambda histogram: len(histogram.colors))


def histogram_from(
    submit: Submit, jobs: Callable[[], Iterable[Job]], longest: int, *, lenient: bool = False
) -> Histogram | None:
    """Count the colors of files on a cluster; None if none can be read."""
    join = partial(add_counts, longest=longest)
    root = _tree(
        submit, join, ([submit(count_files, group, longest, lenient)] for group in _groups(jobs()))
    )
    if not root:
        return None
    count: Count = root.pop().result()
    if count.is_short:
        return count.exact
    parts = cut(count.cells, longest)
    counted = (submit(count_parts, group, parts, lenient) for group in _groups(jobs()))
    # Each part of the colors has a tree of its own; the files are read once for all.
    leaves = ([submit(part_of, leaf, i) for i in range(int(parts[-1]) + 1)] for leaf in counted)
    found = [root.result() for root in _tree(submit, add_histograms, leaves)]
    return reduce(add_histograms, found, None)


def count_files(jobs: list[Job], longest: int, lenient: bool = False) -> Count:
    """Count the colors of some files exactly if they are not too many, and coarsely."""
    histogram = histogram_of(jobs, lenient=lenient, n_threads=1)
    if histogram is None:
        return Count(None, np.zeros(N_CELLS, np.int64))
    cells = np.bincount(cell_of(histogram.colors), histogram.weights, N_CELLS).astype(np.int64)
    return Count(histogram if len(histogram.colors) <= longest else None, cells)


def add_counts(a: Count, b: Count, *, longest: int) -> Count:
    """Count the colors of both; exactly if they are not too many."""
    cells = a.cells + b.cells
    if not (a.is_short and b.is_short):
        return Count(None, cells)
    exact = add_histograms(a.exact, b.exact)
    return Count(None if exact and len(exact.colors) > longest else exact, cells)


def add_histograms(a: Histogram | None, b: Histogram | None) -> Histogram | None:
    """Add what there is."""
    return a + b if a and b else a or b


def cell_of(colors: Colors) -> Parts:
    """Give the coarse cell (m,) of each color (m, 4).

    Examples
    --------
    >>> cell_of(np.array([[0, 0, 0, 0], [32, 0, 0, 0], [255, 255, 255, 255]], np.uint8)).tolist()
    [0, 1, 4607]
    """
    red, green, blue, alpha = (colors.T >> 5).astype(np.intp)
    alpha += colors[:, 3] == 255
    cells: Parts = red + 8 * (green + 8 * (blue + 8 * alpha))
    return cells


def cut(cells: Cells, longest: int) -> Parts:
    """Cut the cells into parts that have no more colors than bearable, as far as cells allow.

    Parameters
    ----------
    cells : (N_CELLS,) int64
        Pixels of each.
    longest : int
        Colors of a part at most.

    Returns
    -------
    (N_CELLS,) intp
        The part of each cell, rising from 0.
    """
    is_opaque = np.arange(N_CELLS) >= 8 * N_CELLS // 9
    n_colors = np.minimum(cells, np.where(is_opaque, 32**3, 32**4))
    parts, part, n_in_part = np.zeros(N_CELLS, np.intp), 0, 0
    for i, n in enumerate(n_colors.tolist()):
        if n_in_part and n_in_part + n > longest:
            part, n_in_part = part + 1, 0
        parts[i] = part
        n_in_part += n
    return parts


def count_parts(jobs: list[Job], parts: Parts, lenient: bool = False) -> list[Histogram | None]:
    """Count the colors of some files, each part of the colors by itself."""
    histogram = histogram_of(jobs, lenient=lenient, n_threads=1)
    n_parts = int(parts[-1]) + 1
    if histogram is None:
        return [None] * n_parts
    part_of_color = parts[cell_of(histogram.colors)]
    masks = [part_of_color == part for part in range(n_parts)]
    return [
        Histogram(histogram.colors[mask], histogram.counts[mask]) if mask.any() else None
        for mask in masks
    ]


def part_of(parts: list[Histogram | None], i: int) -> Histogram | None:
    """Take one part of what was counted in parts."""
    return parts[i]


def sum_up(values: Iterable[T], join: Callable[[T, T], T], weigh: Callable[[T], int]) -> T | None:
    """Join many values in pairs of like weight, so that each is joined few times.

    Examples
    --------
    >>> sum_up("abcde", lambda a, b: f"({a}{b})", len)
    '(((ab)(cd))e)'
    """
    stack: list[T] = []
    for value in values:
        stack.append(value)
        while len(stack) > 1 and 2 * weigh(stack[-1]) >= weigh(stack[-2]):
            stack.append(join(stack.pop(-2), stack.pop()))
    return reduce(lambda later, earlier: join(earlier, later), reversed(stack)) if stack else None


def _groups(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    rest = iter(jobs)
    while group := list(islice(rest, N_TOGETHER)):
        yield group


def _tree(
    submit: Submit, join: Callable[[Any, Any], Any], leaves: Iterable[list[Any]]
) -> list[Any]:
    """Join on the cluster what stands at the same place in each leaf."""

    def join_all(a: tuple[list[Any], int], b: tuple[list[Any], int]) -> tuple[list[Any], int]:
        return [submit(join, *pair) for pair in zip(a[0], b[0], strict=True)], a[1] + b[1]

    # The lengths of sums are not known here; numbers of leaves stand for them.
    root = sum_up(((leaf, 1) for leaf in leaves), join_all, itemgetter(1))
    return root[0] if root else []

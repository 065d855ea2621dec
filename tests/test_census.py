"""One histogram of many files: the same here, on a cluster, whole or in parts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from images import images
from pictures import small_photos
from pimenton import Histogram, Options
from pimenton.batch import Job
from pimenton.census import (
    N_CELLS,
    N_TOGETHER,
    Count,
    add_counts,
    cell_of,
    count_files,
    cut,
    histogram_from,
    histogram_of,
    share_palette,
    sum_up,
)
from pimenton.pixels import Pixels


class Later:
    """A result that another machine holds."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def result(self) -> Any:
        return self.value


def submit(function: Callable[..., Any], *arguments: Any) -> Later:
    values = (a.value if isinstance(a, Later) else a for a in arguments)
    return Later(function(*values))


def jobs_in(folder: Path) -> list[Job]:
    return [Job(path, path) for path in sorted(folder.iterdir())]


def test_parts_add_up_to_the_whole(tmp_path: Path) -> None:
    jobs = jobs_in(small_photos(tmp_path / "in", 3 * N_TOGETHER + 1))
    (tmp_path / "in" / "0.png").write_bytes(b"broken")
    whole = histogram_of(jobs)
    assert whole is not None
    assert whole.n_pixels == 3 * N_TOGETHER * 64 * 48
    for longest in (10**9, len(whole.colors), len(whole.colors) - 1, 100, 1):
        assert histogram_from(submit, lambda: iter(jobs), longest) == whole
    options = Options(n_colors=8)
    shared = share_palette(lambda: jobs, options)
    assert shared == share_palette(lambda: iter(jobs), options, submit=submit, longest=1000)
    assert shared.palette is not None
    assert len(shared.palette) == 8


def test_files_that_cannot_be_read_have_no_say(tmp_path: Path) -> None:
    jobs = [Job(tmp_path / "none.png", tmp_path / "out.png")]
    options = Options(n_colors=8)
    assert share_palette(lambda: jobs, options) is options
    assert share_palette(lambda: jobs, options, submit=submit) is options
    assert share_palette(list, options, submit=submit) is options


def test_a_sum_that_gets_too_long_stays_coarse(tmp_path: Path) -> None:
    a, b = (count_files([job], 10**6) for job in jobs_in(small_photos(tmp_path / "in", 2)))
    whole = add_counts(a, b, longest=10**6)
    assert whole.exact is not None
    coarse = add_counts(a, b, longest=len(whole.exact.colors) - 1)
    assert coarse.exact is None
    assert not coarse.is_short
    assert not add_counts(coarse, a, longest=10**9).is_short
    assert coarse.cells.sum() == 2 * 64 * 48


@given(images())
def test_cells_hold_neighbours(pixels: Pixels) -> None:
    colors = Histogram.of(pixels).colors
    cells = cell_of(colors)
    assert cells.min() >= 0
    assert cells.max() < N_CELLS
    for cell in np.unique(cells):
        inside = colors[cells == cell].astype(int)
        assert (np.ptp(inside, axis=0) < 32).all()
        assert len(set(inside[:, 3] == 255)) == 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 10**9))
def test_parts_are_as_long_as_bearable(seed: int, longest: int) -> None:
    cells = np.random.default_rng(seed).integers(0, 10**6, N_CELLS)
    parts = cut(cells, longest)
    assert set(np.diff(parts)) <= {0, 1}
    for part in range(parts[-1] + 1):
        n_colors = cells[parts == part].sum()
        assert n_colors <= longest or np.count_nonzero(parts == part) == 1 or n_colors > 32**3


@given(st.lists(st.integers(1, 100)))
def test_a_tree_joins_everything_in_order_a_few_times(values: list[int]) -> None:
    def join(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [(value, depth + 1) for value, depth in a + b]

    joined = sum_up(([(value, 0)] for value in values), join, len) or []
    assert [value for value, _ in joined] == values
    assert all(depth <= 3 * np.log2(len(values)) + 1 for _, depth in joined)


def test_a_count_of_nothing_is_known() -> None:
    nothing = Count(None, np.zeros(N_CELLS, np.int64))
    assert add_counts(nothing, nothing, longest=1).is_short

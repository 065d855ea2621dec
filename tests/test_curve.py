"""The curve of size and quality over the number of colors."""

import csv

import numpy as np
import pytest

from images import FRUITS
from pimenton import compress, read_image
from pimenton.curve import measure_curve

PIXELS = np.ascontiguousarray(read_image(FRUITS)[::6, ::6])


def test_points_are_what_compression_gives() -> None:
    curve = measure_curve(PIXELS, n_colors=(4, 32), dithers=("none",))
    for point in curve.points:
        result = compress(PIXELS, n_colors=point.n_colors, dither="none")
        assert point.psnr == pytest.approx(result.report.psnr, abs=0.3)
        assert point.size_bytes == pytest.approx(result.report.output_bytes, rel=0.1)


def test_more_colors_cost_more_and_look_better() -> None:
    curve = measure_curve(PIXELS, n_colors=(2, 8, 32, 128))
    assert curve.dithers == ("none", "floyd-steinberg")
    for dither in curve.dithers:
        points = curve.of(dither)
        assert [point.n_colors for point in points] == [2, 8, 32, 128]
        assert sorted(points, key=lambda point: point.size_bytes) == list(points)
        assert sorted(points, key=lambda point: point.psnr) == list(points)
        [knee] = [point for point in points if point.is_knee]
        assert knee.n_colors in (8, 32)


def test_it_ends_where_the_picture_has_no_more_colors() -> None:
    pixels = np.full((8, 8, 4), 255, np.uint8)
    pixels[:, :4, :3] = 9
    pixels[:4, :4, 0] = 99
    curve = measure_curve(pixels, dithers=("none",))
    assert [point.n_colors for point in curve.points] == [2, 3]
    assert curve.points[-1].ssimulacra2 == 100


def test_table_has_a_line_for_each_point() -> None:
    curve = measure_curve(PIXELS, n_colors=(2, 4, 8), dithers=("none",))
    rows = list(csv.DictReader(curve.to_csv().splitlines()))
    assert [int(row["n_colors"]) for row in rows] == [2, 4, 8]
    assert [row["is_knee"] for row in rows].count("True") == 1
    assert float(rows[1]["ssimulacra2"]) == curve.points[1].ssimulacra2

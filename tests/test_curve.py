"""The curve of size and quality over the number of colors."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from images import FRUITS
from pimenton import compress, encode, quantize, read_image
from pimenton.cli import main
from pimenton.curve import curve_page, measure_curve

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


def test_page_holds_the_points_and_no_name_breaks_out() -> None:
    pixels = np.full((8, 8, 4), 255, np.uint8)
    pixels[:, :4, :3] = 9
    page = curve_page("</script>", measure_curve(pixels), lang="es")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    assert [(p["n_colors"], p["dither"], p["psnr"]) for p in data["points"]] == [
        (2, "none", None),
        (2, "floyd-steinberg", None),
    ]
    assert data["lang"] == "es"
    assert data["name"] == "</script>"
    with pytest.raises(ValueError, match="lang must be one of en, es; got 'xx'"):
        curve_page("a", measure_curve(pixels), lang="xx")


def test_command_lists_or_writes_the_curve(tmp_path, capsys) -> None:
    source = tmp_path / "small.png"
    source.write_bytes(encode(quantize(PIXELS[::2, ::2], n_colors=24)))
    assert main(["curve", str(source)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["colors", "dither", "bytes", "SSIMULACRA2", "PSNR"]
    assert [line.split()[0] for line in lines[1:9]] == ["2", "3", "4", "6", "8", "12", "16", "24"]
    assert sum(line.endswith("knee") for line in lines) == 2
    for ending in ("csv", "html", "png"):
        target = tmp_path / f"curve.{ending}"
        assert main(["curve", str(source), "-o", str(target)]) == 0
        assert capsys.readouterr().err.startswith("none: knee at ")
    assert (tmp_path / "curve.csv").read_text().startswith("n_colors,dither,size_bytes")
    assert "<title>small.png</title>" in (tmp_path / "curve.html").read_text("utf-8")
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.width > 800
    assert main(["curve", str(source), "-o", str(tmp_path / "curve.csv")]) == 1
    assert main(["curve", str(source), "-o", "curve.pdf"]) == 2
    assert "must end in .html, .png, .csv" in capsys.readouterr().err

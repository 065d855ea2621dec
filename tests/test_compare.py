"""The page holds what it must, and nothing that could break out of it."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from images import FRUITS
from pimenton import compress, encode, read_image
from pimenton.cli import main
from pimenton.compare import compare_page
from pimenton.formats import FORMATS
from pimenton.page import Picture


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_figures_palette_and_history_are_in_the_page() -> None:
    compressed = compress(FRUITS, n_colors=5)
    page = compare_page(Picture.read(FRUITS), [Picture.of("small.png", compressed)])
    data = data_of(page)
    [result] = data["results"]
    assert data["original"]["size_bytes"] == FRUITS.stat().st_size
    assert result["size_bytes"] == len(compressed.data)
    assert result["mse"] == compressed.report.mse
    assert tuple(result["palette"]) == compressed.report.palette
    assert tuple(result["counts"]) == compressed.report.counts
    assert tuple(result["history"]) == compressed.report.history


def test_nothing_is_fetched() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    page = compare_page(Picture("a", pixels), [Picture("b", pixels)])
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert not re.search(r"https?://(?!www\.w3\.org)", page)


@pytest.mark.parametrize("lang", ["en", "es"])
def test_names_cannot_break_out(lang: str) -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    name = "</script><script>alert(1)</script>\udcff$title"
    page = compare_page(Picture(name, pixels), [Picture(name, pixels)], lang=lang)
    assert "<script>alert" not in page
    page.encode("utf-8")


def test_another_size_is_refused() -> None:
    small, large = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 3, 4), np.uint8)
    with pytest.raises(ValueError, match="must have the size of its original, 2 x 2 pixels"):
        compare_page(Picture("a", small), [Picture("b", large)])


def test_many_colors_are_counted_not_listed() -> None:
    picture = Picture("fruits", read_image(FRUITS))
    [result] = data_of(compare_page(picture, [picture]))["results"]
    assert result["n_colors"] == 299_544
    assert "palette" not in result


def shown(picture: Picture) -> tuple[str, str]:
    """Give how the page says that it shows a result, and the media type it has there."""
    page = compare_page(picture, [picture])
    [result] = data_of(page)["results"]
    return result["shown"], re.findall(r'src="data:([a-z/]+);base64,', page)[1]


def test_results_are_shown_by_their_own_bytes_where_browsers_can() -> None:
    image = compress(np.zeros((2, 2), np.uint8), n_colors=2).image
    ways = {format: shown(Picture.read(encode(image, format))) for format in FORMATS}
    assert ways == {
        "png": ("file", "image/png"),
        "gif": ("file", "image/gif"),
        "webp": ("file", "image/webp"),
        "tiff": ("png", "image/png"),
        "bmp": ("png", "image/png"),
    }


def test_what_is_too_large_without_loss_is_shown_as_webp(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture("fruits", read_image(FRUITS))
    assert shown(picture) == ("png", "image/png")
    monkeypatch.setattr("pimenton.page.MAX_LOSSLESS_BYTES", 100_000)
    assert shown(picture) == ("webp", "image/webp")


@pytest.mark.parametrize(
    ("choices", "message"),
    [({"lang": "xx"}, "lang must be one of en, es; got 'xx'"), ({"results": []}, "got none")],
)
def test_wrong_arguments_are_refused(choices: dict[str, object], message: str) -> None:
    picture = Picture("a", np.zeros((1, 1, 4), np.uint8))
    with pytest.raises(ValueError, match=message):
        compare_page(picture, **({"results": [picture]} | choices))


def test_errors_are_counted_by_their_size() -> None:
    before = np.full((2, 4, 4), 255, np.uint8)
    after = before.copy()
    after[0, 0, :3] = 252
    after[0, 1, 0] = 255 - 9
    after[1, 3, 3] = 250
    [result] = data_of(compare_page(Picture("a", before), [Picture("b", after)]))["results"]
    errors = result["errors"]
    assert errors["width"] == 1
    assert errors["shares"] == [5 / 8, 0, 0, 1 / 8, 0, 2 / 8]
    assert (errors["same"], errors["median"]) == (5 / 8, 0)
    assert errors["most"] == pytest.approx(27**0.5)


def test_command_measures_several_results_and_writes_one_page(tmp_path, capsys) -> None:
    names = [tmp_path / f"{k}.png" for k in (2, 4)]
    for k, name in zip((2, 4), names, strict=True):
        compress(FRUITS, name, n_colors=k)
    page = tmp_path / "page.html"
    words = ["compare", str(FRUITS), *map(str, names)]
    assert main([*words, "-o", str(page), "--json", "--lang", "es"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["result"] for line in lines] == [str(name) for name in names]
    assert lines[0]["ssimulacra2"] < lines[1]["ssimulacra2"]
    data = data_of(page.read_text("utf-8"))
    assert data["lang"] == "es"
    assert [result["ssimulacra2"] for result in data["results"]] == [
        line["ssimulacra2"] for line in lines
    ]
    Image.new("RGB", (3, 3)).save(tmp_path / "small.png")
    assert main([*words, str(tmp_path / "small.png")]) == 1
    assert "small.png: a result must have the size" in capsys.readouterr().err

"""The page holds what it must, and nothing that could break out of it."""

import json
import re

import numpy as np
import pytest

from images import FRUITS
from pimenton import compress, encode, read_image
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

"""The page in a browser, used as a person would."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from browsing import SIZES, alike, barriers, drag, seen, until
from images import FRUITS
from pimenton import compress, read_image
from pimenton.compare import compare_page
from pimenton.page import Picture
from pimenton.pixels import Pixels


@pytest.fixture(scope="module")
def text() -> str:
    result = Picture.of("few </script> colors.png", compress(FRUITS, n_colors=8))
    return compare_page(Picture.read(FRUITS), [result])


@pytest.fixture(params=sorted(SIZES))
def page(request: pytest.FixtureRequest, visit: Callable[..., Any], text: str) -> Any:
    return visit(text, request.param)


@pytest.fixture
def page_of(visit: Callable[..., Any]) -> Callable[..., Any]:
    """Open the page of some pictures."""

    def open_page(original: Picture, *results: Picture, **choices: Any) -> Any:
        return visit(compare_page(original, results), **choices)

    return open_page


def flat(*color: int, size: tuple[int, int] = (60, 90)) -> Pixels:
    return np.full((*size, 4), color, np.uint8)


def test_divider_follows_mouse_and_keys(page: Any) -> None:
    split = page.locator("#split")
    before = seen(page, "#stage")
    split.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert float(split.input_value()) < 50
    assert not alike(seen(page, "#stage"), before)
    drag(page, "#stage", 0.4, 0.9)
    assert float(split.input_value()) == pytest.approx(90, abs=1)
    drag(page, "#stage", 0.9, 0.2)
    assert float(split.input_value()) == pytest.approx(20, abs=1)
    assert split.get_attribute("aria-valuetext") == "20 % original, 80 % result"


def test_divider_parts_original_from_result(page_of: Any) -> None:
    page = page_of(Picture("red", flat(255, 0, 0, 255)), Picture("blue", flat(0, 0, 255, 255)))
    page.keyboard.press("ArrowRight")
    shown = seen(page, "#stage")
    row = shown[shown.shape[0] // 2]
    middle = len(row) * 51 // 100
    assert row[middle - 60].tolist() == [255, 0, 0, 255]
    assert row[middle + 60].tolist() == [0, 0, 255, 255]


def test_original_is_seen_while_a_key_or_the_button_is_held(page: Any) -> None:
    divided = seen(page, "#stage")
    page.locator("#view-flicker").click()
    result = seen(page, "#stage")
    page.keyboard.down("f")
    original = seen(page, "#stage")
    page.keyboard.up("f")
    assert alike(seen(page, "#stage"), result)
    assert not alike(original, result)
    assert not alike(original, divided)
    assert not alike(result, divided)
    page.locator("#hold").hover()
    page.mouse.down()
    assert alike(seen(page, "#stage"), original)
    page.mouse.up()
    assert alike(seen(page, "#stage"), result)
    page.locator("#view-slider").click()
    assert alike(seen(page, "#stage"), divided)


def test_a_color_lights_its_pixels_up(page: Any) -> None:
    before = seen(page, "#stage")
    data = json.loads(page.locator("#data").text_content())
    [result] = data["results"]
    colors = page.locator("#colors button")
    assert colors.count() == 8
    for place in (3, 0):
        colors.nth(place).click()
        until(page, f"document.getElementById('veil').dataset.lit === '{result['counts'][place]}'")
        assert colors.nth(place).get_attribute("aria-pressed") == "true"
        assert result["palette"][place] in page.locator("#palette-note").inner_text()
    page.wait_for_timeout(300)
    assert not alike(seen(page, "#stage"), before)
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert alike(seen(page, "#stage"), before)


def test_colors_are_ordered_by_their_pixels(page: Any) -> None:
    page.locator("#order-count").click()
    counts = page.locator("#colors .count").all_inner_texts()
    numbers = [int(count.replace(",", "")) for count in counts]
    assert numbers == sorted(numbers, reverse=True)
    assert sum(numbers) == 768 * 512


def test_figures_and_curve_are_shown(page: Any) -> None:
    text = page.locator("body").inner_text()
    for words in ("few </script> colors.png", "768 × 512", "719.6 kB", "PSNR", "Inertia"):
        assert words in text
    assert page.locator("#curve svg").count() == 1
    assert page.locator("#curve svg circle").count() > 5
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_zoom_makes_pixels_crisp(page: Any) -> None:
    before = seen(page, "#stage")
    for _ in range(4):
        page.locator("#zoom-in").click()
    page.wait_for_timeout(200)
    assert not alike(seen(page, "#stage"), before)
    assert "pixelated" in page.evaluate(
        "[...document.querySelectorAll('#stage img')].map(i => getComputedStyle(i).imageRendering)"
    )


def test_an_enlarged_picture_is_moved_by_dragging_and_zoomed_by_the_wheel(page: Any) -> None:
    page.locator("#zoom-actual").click()
    assert page.locator("#zoom").inner_text() == "100 %"
    while page.locator("#zoom").inner_text() != "400 %":
        page.keyboard.press("+")
    split = page.locator("#split").input_value()
    before = seen(page, "#stage")
    drag(page, "#stage", 0.3, 0.1)
    assert not alike(seen(page, "#stage"), before)
    assert page.locator("#split").input_value() == split
    page.mouse.wheel(0, -100)
    until(page, "document.getElementById('zoom').textContent !== '400 %'")
    page.keyboard.press("0")
    assert page.locator("#zoom-fit").get_attribute("aria-pressed") == "true"


def test_small_pictures_are_enlarged_by_whole_steps(page_of: Any) -> None:
    one = Picture("one", flat(10, 20, 30, 255, size=(1, 1)))
    page = page_of(one, one)
    assert page.locator("#zoom").inner_text() == "3,200 %"
    assert "every pixel the same" in page.locator("#summary").inner_text()
    assert page.locator("#convergence").is_hidden()


def test_transparency_shows_the_squares_behind(page_of: Any) -> None:
    pixels = flat(0, 128, 0, 255)
    pixels[:, 60:] = 0
    pixels[:30, :30, 3] = 100
    picture = Picture("leaf", pixels)
    page = page_of(picture, picture)
    shown = seen(page, "#stage")
    assert {tuple(color) for color in shown[shown.shape[0] // 2, -200:-100]} >= {
        (255, 255, 255, 255),
        (207, 207, 207, 255),
    }
    for place, count in enumerate(
        json.loads(page.locator("#data").text_content())["results"][0]["counts"]
    ):
        page.locator("#colors button").nth(place).click()
        until(page, f"document.getElementById('veil').dataset.lit === '{count}'")


def test_several_results_stand_beside_one_original(page_of: Any) -> None:
    original = Picture("fruits.png", read_image(FRUITS))
    results = [Picture.of(f"{k}.png", compress(FRUITS, n_colors=k)) for k in (2, 5)]
    page = page_of(original, *results)
    assert page.locator("#colors button").count() == 2
    before = seen(page, "#stage")
    page.locator("#results button", has_text="5.png").click()
    assert page.locator("#colors button").count() == 5
    assert not alike(seen(page, "#stage"), before)
    assert page.locator("#figures thead th").count() == 4


def test_many_colors_are_told_not_listed(page_of: Any) -> None:
    original = Picture("fruits.png", read_image(FRUITS))
    page = page_of(original, original)
    assert "299,544 different colors" in page.locator("#palette-note").inner_text()
    assert page.locator("#colors button").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out_by_day_and_by_night(page_of: Any, scheme: str) -> None:
    result = Picture.of("few.png", compress(FRUITS, n_colors=4))
    page = page_of(Picture.read(FRUITS), result, result, color_scheme=scheme)
    assert barriers(page) == []
    page.locator("#colors button").first.click()
    assert barriers(page) == []


def test_a_finger_moves_the_divider_and_chooses_colors(page_of: Any) -> None:
    original = Picture.read(FRUITS)
    page = page_of(original, Picture.of("few.png", compress(FRUITS, n_colors=4)), kind="phone")
    box = page.locator("#stage").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 4)
    assert float(page.locator("#split").input_value()) == pytest.approx(25, abs=1)
    page.locator("#colors button").first.tap()
    until(page, "document.getElementById('veil').classList.contains('drawn')")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_language_is_switched(page: Any) -> None:
    spanish = page.locator("#languages button[lang=es]")
    spanish.click()
    assert spanish.get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.documentElement.lang") == "es"
    assert "719,6 kB" in page.locator("#summary").inner_text()
    assert "768 × 512" in page.locator("#figures").inner_text()
    assert page.locator("h2").all_inner_texts()[:2] == ["Paleta", "Cifras"]
    page.locator("#languages button[lang=en]").click()
    assert page.locator("h2").all_inner_texts()[:2] == ["Palette", "Figures"]
    assert "719.6 kB" in page.locator("#summary").inner_text()


def test_the_difference_is_seen_pixel_by_pixel(page_of: Any) -> None:
    before, after = flat(100, 100, 100, 255), flat(100, 100, 100, 255)
    after[:, 45:60, 0] += 20
    after[:, 60:] = 255
    page = page_of(Picture("gray", before), Picture("bands", after))
    page.keyboard.press("d")
    until(page, "document.getElementById('difference').dataset.drawn === 'bands'")
    assert page.locator("#view-difference").get_attribute("aria-pressed") == "true"
    assert page.locator("#difference-note").is_visible()
    page.wait_for_timeout(300)
    shown = seen(page, "#stage")
    row = shown[shown.shape[0] // 2]
    left, middle, right = (row[len(row) * part // 100].tolist() for part in (20, 58, 80))
    assert left == [0, 0, 0, 255]
    assert right == [255, 255, 255, 255]
    # The root of a third of 20 squared, 12 of 64 levels, is three quarters of the first color.
    assert middle == pytest.approx([66, 18, 30, 255], abs=3)
    page.keyboard.down("f")
    page.wait_for_timeout(300)
    held = seen(page, "#stage")
    assert held[shown.shape[0] // 2, len(row) // 4].tolist() == [100, 100, 100, 255]
    page.keyboard.up("f")
    page.locator("#view-slider").click()
    assert page.locator("#difference-note").is_hidden()


def test_errors_and_scores_of_each_result_are_shown(page_of: Any) -> None:
    original = Picture.read(FRUITS)
    page = page_of(
        original, *(Picture.of(f"{k}.png", compress(FRUITS, n_colors=k)) for k in (3, 9))
    )
    table = page.locator("#figures").inner_text()
    for words in ("SSIMULACRA2", "SSIM", "CIEDE2000", "3.png", "9.png"):
        assert words in table
    bars = page.locator("#errors .bar")
    assert bars.count() > 10
    first = page.locator("#errors-note").inner_text()
    page.keyboard.press("n")
    assert page.locator("#result-name").inner_text() == "9.png"
    assert page.locator("#errors-note").inner_text() != first
    assert "levels" in page.locator("#errors text.axis").last.text_content()
    assert barriers(page) == []

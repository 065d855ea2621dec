"""The page in a browser, used as a person would."""

import json
import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from images import FRUITS
from pimenton import compress, read_image
from pimenton.compare import compare_page
from pimenton.page import Picture
from pimenton.pixels import Pixels

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


def no_browser(why: str) -> None:
    """Skip for want of a browser, or fail where one is required."""
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but {why}")
    pytest.skip(f"the page is not tried in a browser: {why}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        no_browser("no Chromium is on the PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        no_browser("the package playwright is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    result = Picture.of("few </script> colors.png", compress(FRUITS, n_colors=8))
    path.write_text(compare_page(Picture.read(FRUITS), [result]), encoding="utf-8")
    return path.as_uri()


def opened(browser: Any, address: str, kind: str, **choices: Any) -> Iterator[Any]:
    """Open a page; when it is done with there was no complaint and nothing was fetched."""
    width, height = SIZES[kind]
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=kind == "phone", **choices
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else complaints.append(r.url),
    )
    page.goto(address)
    page.wait_for_function("document.getElementById('summary').textContent")
    yield page
    assert complaints == []
    context.close()


@pytest.fixture(params=sorted(SIZES))
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Any]:
    yield from opened(browser, address, request.param)


@pytest.fixture
def page_of(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """Open the page of some pictures."""
    visits: list[Iterator[Any]] = []

    def visit(original: Picture, *results: Picture, kind: str = "desktop", **choices: Any) -> Any:
        path = tmp_path / "page.html"
        path.write_text(compare_page(original, results), encoding="utf-8")
        visits.append(opened(browser, path.as_uri(), kind, **choices))
        return next(visits[-1])

    yield visit
    for one in visits:
        assert next(one, None) is None


def seen(page: Any) -> Pixels:
    """Photograph the pictures under the divider."""
    photograph = page.locator("#stage").screenshot()
    return np.asarray(Image.open(BytesIO(photograph)).convert("RGBA"))


def alike(a: Pixels, b: Pixels) -> bool:
    """Tell whether two photographs show the same; browsers draw round corners a little anew."""
    return bool((np.abs(a.astype(int) - b).max(axis=2) > 8).mean() < 0.001)


def drag(page: Any, start: float, end: float) -> None:
    """Drag over the stage, between two parts of its width."""
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] * start, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()


def flat(*color: int, size: tuple[int, int] = (60, 90)) -> Pixels:
    return np.full((*size, 4), color, np.uint8)


def test_divider_follows_mouse_and_keys(page: Any) -> None:
    split = page.locator("#split")
    before = seen(page)
    split.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert float(split.input_value()) < 50
    assert not alike(seen(page), before)
    drag(page, 0.4, 0.9)
    assert float(split.input_value()) == pytest.approx(90, abs=1)
    drag(page, 0.9, 0.2)
    assert float(split.input_value()) == pytest.approx(20, abs=1)
    assert split.get_attribute("aria-valuetext") == "20 % original, 80 % result"


def test_divider_parts_original_from_result(page_of: Any) -> None:
    page = page_of(Picture("red", flat(255, 0, 0, 255)), Picture("blue", flat(0, 0, 255, 255)))
    page.keyboard.press("ArrowRight")
    shown = seen(page)
    row = shown[shown.shape[0] // 2]
    middle = len(row) * 51 // 100
    assert row[middle - 60].tolist() == [255, 0, 0, 255]
    assert row[middle + 60].tolist() == [0, 0, 255, 255]


def test_original_is_seen_while_a_key_or_the_button_is_held(page: Any) -> None:
    divided = seen(page)
    page.locator("#view-flicker").click()
    result = seen(page)
    page.keyboard.down("f")
    original = seen(page)
    page.keyboard.up("f")
    assert alike(seen(page), result)
    assert not alike(original, result)
    assert not alike(original, divided)
    assert not alike(result, divided)
    page.locator("#hold").hover()
    page.mouse.down()
    assert alike(seen(page), original)
    page.mouse.up()
    assert alike(seen(page), result)
    page.locator("#view-slider").click()
    assert alike(seen(page), divided)


def test_a_color_lights_its_pixels_up(page: Any) -> None:
    before = seen(page)
    data = json.loads(page.locator("#data").text_content())
    [result] = data["results"]
    colors = page.locator("#colors button")
    assert colors.count() == 8
    for place in (3, 0):
        colors.nth(place).click()
        page.wait_for_function(
            f"document.getElementById('veil').dataset.lit === '{result['counts'][place]}'"
        )
        assert colors.nth(place).get_attribute("aria-pressed") == "true"
        assert result["palette"][place] in page.locator("#palette-note").inner_text()
    page.wait_for_timeout(300)
    assert not alike(seen(page), before)
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert alike(seen(page), before)


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
    before = seen(page)
    for _ in range(4):
        page.locator("#zoom-in").click()
    page.wait_for_timeout(200)
    assert not alike(seen(page), before)
    assert "pixelated" in page.evaluate(
        "[...document.querySelectorAll('#stage img')].map(i => getComputedStyle(i).imageRendering)"
    )


def test_an_enlarged_picture_is_moved_by_dragging_and_zoomed_by_the_wheel(page: Any) -> None:
    page.locator("#zoom-actual").click()
    assert page.locator("#zoom").inner_text() == "100 %"
    while page.locator("#zoom").inner_text() != "400 %":
        page.keyboard.press("+")
    split = page.locator("#split").input_value()
    before = seen(page)
    drag(page, 0.3, 0.1)
    assert not alike(seen(page), before)
    assert page.locator("#split").input_value() == split
    page.mouse.wheel(0, -100)
    page.wait_for_function("document.getElementById('zoom').textContent !== '400 %'")
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
    shown = seen(page)
    assert {tuple(color) for color in shown[shown.shape[0] // 2, -200:-100]} >= {
        (255, 255, 255, 255),
        (207, 207, 207, 255),
    }
    for place, count in enumerate(
        json.loads(page.locator("#data").text_content())["results"][0]["counts"]
    ):
        page.locator("#colors button").nth(place).click()
        page.wait_for_function(f"document.getElementById('veil').dataset.lit === '{count}'")


def test_several_results_stand_beside_one_original(page_of: Any) -> None:
    original = Picture("fruits.png", read_image(FRUITS))
    results = [Picture.of(f"{k}.png", compress(FRUITS, n_colors=k)) for k in (2, 5)]
    page = page_of(original, *results)
    assert page.locator("#colors button").count() == 2
    before = seen(page)
    page.locator("#results button", has_text="5.png").click()
    assert page.locator("#colors button").count() == 5
    assert not alike(seen(page), before)
    assert page.locator("#figures thead th").count() == 4


def test_many_colors_are_told_not_listed(page_of: Any) -> None:
    original = Picture("fruits.png", read_image(FRUITS))
    page = page_of(original, original)
    assert "299,544 different colors" in page.locator("#palette-note").inner_text()
    assert page.locator("#colors button").count() == 0


CONTRASTS = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = channels(color).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    return channels(color)[3] === 0 ? ground(node.parentElement) : color;
  };
  const names = "h1, h2, p, button, output, th, td, figcaption, code";
  const words = [...document.querySelectorAll(names)];
  return words.filter((node) => node.checkVisibility()).map((node) => {
    const pair = [luminance(getComputedStyle(node).color), luminance(ground(node))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_by_day_and_by_night(page_of: Any, scheme: str) -> None:
    original = Picture.read(FRUITS)
    result = Picture.of("few.png", compress(FRUITS, n_colors=4))
    page = page_of(original, result, color_scheme=scheme)
    ratios = page.evaluate(CONTRASTS)
    # The least that WCAG 2.2 level AA asks of small text.
    assert len(ratios) > 40
    assert min(ratios) >= 4.5


def test_a_finger_moves_the_divider_and_chooses_colors(page_of: Any) -> None:
    original = Picture.read(FRUITS)
    page = page_of(original, Picture.of("few.png", compress(FRUITS, n_colors=4)), kind="phone")
    box = page.locator("#stage").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 4)
    assert float(page.locator("#split").input_value()) == pytest.approx(25, abs=1)
    page.locator("#colors button").first.tap()
    page.wait_for_function("document.getElementById('veil').classList.contains('drawn')")
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

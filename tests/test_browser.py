"""The page in a browser, used as a person would."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from images import FRUITS
from pimenton import compress, read_image
from pimenton.page import Picture, compare_page

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
    original = Picture("fruits.png", read_image(FRUITS), FRUITS.read_bytes())
    path.write_text(compare_page(original, [result]), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(params=sorted(SIZES))
def page(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Any]:
    """Open the page; afterwards there was no complaint and nothing was fetched."""
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("file:", "data:")) else complaints.append(r.url),
    )
    page.goto(address)
    page.wait_for_function("document.querySelectorAll('#colors button').length > 0")
    yield page
    assert complaints == []
    context.close()


def picture(page: Any) -> bytes:
    """Photograph the pictures under the divider."""
    return page.locator("#stage").screenshot()


def test_divider_follows_mouse_and_keys(page: Any) -> None:
    split = page.locator("#split")
    before = picture(page)
    split.focus()
    for _ in range(20):
        page.keyboard.press("ArrowLeft")
    assert float(split.input_value()) < 50
    assert picture(page) != before
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    assert float(split.input_value()) > 70


def test_a_color_lights_its_pixels_up(page: Any) -> None:
    before = picture(page)
    colors = page.locator("#colors button")
    assert colors.count() == 8
    colors.nth(3).click()
    page.wait_for_timeout(300)
    assert picture(page) != before


def test_figures_and_curve_are_shown(page: Any) -> None:
    text = page.locator("body").inner_text()
    for words in ("few </script> colors.png", "768 × 512", "719.6 kB", "PSNR", "Inertia"):
        assert words in text
    assert page.locator("#curve svg").count() == 1
    assert page.locator("#curve svg circle").count() > 5
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_zoom_makes_pixels_crisp(page: Any) -> None:
    before = picture(page)
    for _ in range(4):
        page.locator("#zoom-in").click()
    page.wait_for_timeout(200)
    assert picture(page) != before
    assert "pixelated" in page.evaluate(
        "[...document.querySelectorAll('#stage img')].map(i => getComputedStyle(i).imageRendering)"
    )

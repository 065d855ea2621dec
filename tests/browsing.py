"""Pages opened in a browser, at the sizes of a desktop and a phone."""

import os
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

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


def launched() -> Iterator[Any]:
    """Start a browser, and end it afterwards."""
    if program() is None:
        no_browser("no Chromium is on the PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        no_browser("the package playwright is not installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program(), args=FLAGS)
        yield opened
        opened.close()


def beside(browser: Any, *flags: str) -> Iterator[Any]:
    """Start a second browser with more flags."""
    opened = browser.browser_type.launch(executable_path=program(), args=[*FLAGS, *flags])
    yield opened
    opened.close()


def program() -> str | None:
    """Find a browser."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def opened(browser: Any, path: Path, kind: str = "desktop", **choices: Any) -> Iterator[Any]:
    """Open a page; when it is done with there was no complaint and nothing was fetched."""
    for page in heard(browser, path.as_uri(), "file:", kind, **choices):
        until(page, "document.getElementById('summary').textContent !== ''")
        yield page


def heard(
    browser: Any,
    address: str,
    own: str,
    kind: str = "desktop",
    expected: str | None = None,
    **choices: Any,
) -> Iterator[Any]:
    """Open a page; when it is done with there was no complaint, and all that it fetched was own."""
    width, height = SIZES[kind]
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=kind == "phone", **choices
    )
    page = context.new_page()
    complaints: list[str] = []

    def hear(message: Any) -> None:
        # Drivers say that photographs, which only tests take, are slow.
        known = "GL Driver Message" in message.text or (expected and expected in message.text)
        if not known:
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda r: None if r.url.startswith((own, "data:", "blob:")) else complaints.append(r.url),
    )
    page.goto(address)
    yield page
    assert not complaints, complaints
    context.close()


def visiting(browser: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """Give a function that opens pages given as text; at the end all were without complaint."""
    visits: list[Iterator[Any]] = []

    def visit(text: str, kind: str = "desktop", **choices: Any) -> Any:
        path = folder / f"page{len(visits)}.html"
        path.write_text(text, encoding="utf-8")
        visits.append(opened(browser, path, kind, **choices))
        return next(visits[-1])

    yield visit
    for one in visits:
        assert next(one, None) is None


def until(page: Any, condition: str, seconds: float = 20) -> None:
    """Wait for a condition in the page's language, asked from outside as its policy demands."""
    for _ in range(round(seconds * 20)):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {condition}")


def seen(page: Any, what: str) -> Pixels:
    """Photograph a part of a page."""
    photograph = page.locator(what).screenshot()
    return np.asarray(Image.open(BytesIO(photograph)).convert("RGBA"))


def alike(a: Pixels, b: Pixels) -> bool:
    """Tell whether two photographs show the same; browsers draw round corners a little anew."""
    return bool((np.abs(a.astype(int) - b).max(axis=2) > 8).mean() < 0.001)


def drag(page: Any, what: str, start: float, end: float) -> None:
    """Drag over a part of a page, between two parts of its width."""
    box = page.locator(what).bounding_box()
    page.mouse.move(box["x"] + box["width"] * start, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()


def barriers(page: Any) -> list[str]:
    """Give what axe-core finds in a page that keeps people out: each rule with its elements."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright",
        reason="axe-playwright-python is not installed, so access is not checked",
    )
    # Without its asking for style sheets again, which pages from files refuse.
    found = axe.Axe().run(page, options={"preload": False}).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]

"""The explanation in a browser, used as a person would."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browsing import SIZES, alike, barriers, beside, drag, opened, seen, until
from images import FRUITS
from pimenton import read_image
from pimenton.explain import explain_page
from pimenton.page import Picture
from pimenton.pixels import Pixels

# A ninth of the photograph: enough to look at, and quick without a graphics card.
PIXELS = np.ascontiguousarray(read_image(FRUITS)[::3, ::3])
N_PIXELS = PIXELS.shape[0] * PIXELS.shape[1]


@pytest.fixture(scope="module")
def text() -> str:
    return explain_page(Picture("fruits & more.png", PIXELS), n_colors=6)


@pytest.fixture(params=sorted(SIZES))
def page(request: pytest.FixtureRequest, visit: Callable[..., Any], text: str) -> Any:
    return visit(text, request.param, reduced_motion="reduce")


@pytest.fixture
def desktop(visit: Callable[..., Any], text: str) -> Any:
    """Open the page at one size, for what no size changes."""
    return visit(text, reduced_motion="reduce")


def place(page: Any) -> str:
    return page.locator("#place").inner_text()


def painted(page: Any) -> Pixels:
    """Give the pixels of the picture on the page."""
    address = page.evaluate("document.getElementById('moment').toDataURL()")
    return read_image(b64decode(address.partition(",")[2]))


def marked(page: Any) -> list[str]:
    """Give the colors of the centroids as listed."""
    return page.locator("#counts code").all_inner_texts()


def n_listed(page: Any) -> list[int]:
    return [int(n.replace(",", "")) for n in page.locator("#counts .count").all_inner_texts()]


def test_it_steps_from_the_points_to_the_end(page: Any) -> None:
    assert page.locator("#title").inner_text() == "How K-means finds 6 colors for fruits & more.png"
    assert place(page) == "The points"
    assert page.locator("#back").is_disabled()
    assert alike(painted(page), PIXELS)
    titles = []
    for _ in range(4):
        page.locator("#next").click()
        titles.append(page.locator("#step-title").inner_text())
    assert titles == [
        "Start anywhere",
        "Each pixel joins its nearest centroid",
        "Each centroid moves to the mean",
        "Each pixel joins its nearest centroid",
    ]
    assert re.fullmatch(r"Iteration 2 of \d+: Assign", place(page))
    assert "changed their centroid" in page.locator("#event").inner_text()
    page.locator("#back").click()
    assert re.fullmatch(r"Iteration 1 of \d+: Move", place(page))
    assert "Inertia falls from" in page.locator("#event").inner_text()


def test_each_step_has_its_formula(desktop: Any) -> None:
    page = desktop
    for step in ("assign", "move", "end", "start"):
        page.locator(f"#steps [data-step={step}]").click()
        assert page.locator("math:visible").evaluate_all(
            "all => all.map((one) => one.dataset.formula)"
        ) == [step]
        assert page.locator("#steps [aria-current]").get_attribute("data-step") == step


def test_the_picture_is_that_of_the_moment(page: Any) -> None:
    page.locator("#steps [data-step=assign]").click()
    for step in ("assign", "move", "end"):
        page.locator(f"#steps [data-step={step}]").click()
        colors = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in marked(page)])
        shown = painted(page)[:, :, :3].reshape(-1, 3)
        assert {tuple(color) for color in shown} == {tuple(color) for color in colors}
        counts = [(shown == color).all(axis=1).sum() for color in colors]
        assert counts == pytest.approx(n_listed(page), abs=N_PIXELS * 1e-4)
    nearest = ((PIXELS[:, :, np.newaxis, :3].astype(int) - colors) ** 2).sum(axis=3)
    wrong = nearest.min(axis=2) < (
        (PIXELS[:, :, :3].astype(int) - painted(page)[:, :, :3]) ** 2
    ).sum(axis=2)
    # Centroids are no whole levels, so that pixels halfway between two may go to either.
    assert wrong.mean() < 0.02


def test_counts_sum_to_the_pixels_and_start_empty(desktop: Any) -> None:
    page = desktop
    page.locator("#next").click()
    assert page.locator("#counts .count").all_inner_texts() == [""] * 6
    page.locator("#next").click()
    assert sum(n_listed(page)) == N_PIXELS
    shares = page.locator("#counts .share").all_inner_texts()
    assert sum(float(share.removesuffix(" %")) for share in shares) == pytest.approx(100, abs=0.3)


def test_the_slider_goes_through_the_iterations(page: Any) -> None:
    slider = page.locator("#frame")
    last = int(slider.get_attribute("max"))
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert re.fullmatch(r"Iteration 1 of \d+: Move", slider.get_attribute("aria-valuetext"))
    page.keyboard.press("End")
    assert slider.input_value() == str(last)
    assert page.locator("#next").is_disabled()
    assert "no pixel changes its centroid any more" in page.locator("#event").inner_text()
    assert "needs 3 bits" in page.locator("#event").inner_text()
    assert page.locator("#curve .now title").text_content().startswith(f"Iteration {last // 2}:")
    drag(page, "#frame", 0.99, 0.5)
    assert int(slider.input_value()) == pytest.approx(last / 2, abs=1 + last / 20)


def test_keys_do_what_the_buttons_do(desktop: Any) -> None:
    page = desktop
    page.keyboard.press("ArrowRight")
    assert place(page) == "Start"
    page.keyboard.press("End")
    assert page.locator("#next").is_disabled()
    page.keyboard.press("Home")
    assert place(page) == "The points"
    page.keyboard.press("Space")
    assert page.locator("#play").inner_text().strip() == "Pause"
    until(page, "document.getElementById('frame').value === '1'")
    page.keyboard.press("Space")
    assert page.locator("#play").inner_text().strip() == "Play"


def test_it_plays_and_pauses(desktop: Any) -> None:
    page = desktop
    page.locator("#steps [data-step=end]").click()
    last = page.locator("#frame").input_value()
    page.locator("#back").click()
    page.locator("#play").click()
    until(page, f"document.getElementById('frame').value === '{last}'")
    until(page, "document.getElementById('play-word').textContent === 'Play'")
    page.locator("#play").click()
    until(page, "document.getElementById('frame').value === '0'")
    until(page, "document.getElementById('frame').value === '1'")
    page.locator("#play").click()
    assert place(page) == "Start"


def test_the_cloud_turns_by_dragging_and_keys_and_zooms(page: Any) -> None:
    view = page.locator("#cloud")
    angles = [view.get_attribute("data-view")]

    def turned() -> bool:
        until(page, f"document.getElementById('cloud').dataset.view !== '{angles[-1]}'")
        angles.append(view.get_attribute("data-view"))
        return True

    before = seen(page, "#cloud")
    drag(page, "#cloud", 0.3, 0.6)
    assert turned()
    assert not alike(seen(page, "#cloud"), before)
    view.focus()
    angles[-1] = view.get_attribute("data-view")
    for key in ("ArrowLeft", "ArrowUp", "+", "-"):
        page.keyboard.press(key)
        assert turned()
    page.mouse.wheel(0, -200)
    assert turned()
    assert place(page) == "The points"


def test_points_take_the_colors_of_centroids_that_move_along_paths(desktop: Any) -> None:
    page = desktop
    moments = []
    for frame in range(4):
        page.wait_for_timeout(150)
        moments.append(seen(page, "#cloud"))
        if frame < 3:
            page.locator("#next").click()
    assert all(not alike(a, b) for a, b in pairwise(moments))
    # The photograph has thousands of colors; after the assignment few are left in the cloud.
    n_colors = [len(np.unique(moment[30:-30, 30:-30].reshape(-1, 4), axis=0)) for moment in moments]
    assert n_colors[2] < n_colors[0] / 2


def test_a_centroid_lights_its_pixels_up(page: Any) -> None:
    page.locator("#steps [data-step=assign]").click()
    before = painted(page)
    bars = page.locator("#counts button")
    bars.nth(2).click()
    assert bars.nth(2).get_attribute("aria-pressed") == "true"
    lit = (painted(page) == before).all(axis=2)
    assert lit.sum() == pytest.approx(n_listed(page)[2], abs=N_PIXELS * 1e-4)
    page.keyboard.press("Escape")
    assert np.array_equal(painted(page), before)
    page.locator("#moment").click(position={"x": 20, "y": 20})
    assert page.locator("#counts [aria-pressed=true]").count() == 1


def test_the_original_is_seen_while_held(desktop: Any) -> None:
    page = desktop
    page.locator("#steps [data-step=end]").click()
    page.keyboard.down("f")
    assert alike(painted(page), PIXELS)
    page.keyboard.up("f")
    assert not alike(painted(page), PIXELS)
    page.locator("#hold").hover()
    page.mouse.down()
    assert alike(painted(page), PIXELS)
    page.mouse.up()
    assert not alike(painted(page), PIXELS)


def test_the_language_is_switched(page: Any) -> None:
    page.locator("#next").click()
    page.locator("#languages button[lang=es]").click()
    title = "Cómo K-means encuentra 6 colores para fruits & more.png"
    assert page.title() == page.locator("#title").inner_text() == title
    assert place(page) == "Inicio"
    assert page.locator("#step-title").inner_text() == "Empezar en cualquier sitio"
    assert page.locator("#cloud .black").inner_text() == "negro"
    page.locator("#steps [data-step=end]").click()
    assert "ya de centroide" in page.locator("#event").inner_text()
    assert page.evaluate("document.documentElement.lang") == "es"


def test_nothing_is_wider_than_the_screen(page: Any) -> None:
    page.locator("#steps [data-step=end]").click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_color_is_told_as_one(visit: Callable[..., Any]) -> None:
    page = visit(explain_page(Picture("dot", PIXELS[:1, :1].copy())))
    page.locator("#steps [data-step=end]").click()
    assert page.title() == "How K-means finds 1 color for dot"
    assert page.locator("#summary").inner_text() == (
        "1 pixel, 1 different color → 1. Nothing moves any more after 1 iteration."
    )
    assert page.locator("#curve").is_hidden()
    page.locator("#languages button[lang=es]").click()
    assert "Tras 1 iteración ya nada se mueve" in page.locator("#summary").inner_text()


@pytest.mark.parametrize(("kind", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_nobody_is_kept_out(visit: Callable[..., Any], text: str, kind: str, scheme: str) -> None:
    page = visit(text, kind, color_scheme=scheme, reduced_motion="reduce")
    assert barriers(page) == []
    page.locator("#steps [data-step=move]").click()
    page.locator("#counts button").first.click()
    assert barriers(page) == []


@pytest.fixture(scope="module")
def browser_without_webgl(browser: Any) -> Iterator[Any]:
    yield from beside(browser, "--disable-3d-apis")


def test_without_webgl_the_cloud_is_a_picture(
    browser_without_webgl: Any, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(text, encoding="utf-8")
    visits = opened(browser_without_webgl, path, reduced_motion="reduce")
    page = next(visits)
    assert page.locator("#flat-note").is_visible()
    points = seen(page, "#cloud")
    assert len(np.unique(points.reshape(-1, 4), axis=0)) > 1000
    page.locator("#steps [data-step=move]").click()
    assert not alike(seen(page, "#cloud"), points)
    assert barriers(page) == []
    assert next(visits, None) is None

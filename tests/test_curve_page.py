"""The curve in a browser, used as a person would."""

from collections.abc import Callable
from typing import Any

import pytest

from browsing import SIZES, barriers, drag
from pimenton.curve import N_COLORS, ColorCurve, CurvePoint, curve_page

CURVE = ColorCurve(
    tuple(
        CurvePoint(k, dither, 900 * i + extra, 12.0 * i - 60, 2.0 * i + 15, is_knee=k == knee)
        for dither, knee, extra in (("none", 32, 5000), ("sierra", 24, 9000))
        for i, k in enumerate(N_COLORS)
    )
)


@pytest.fixture(params=sorted(SIZES))
def page(request: pytest.FixtureRequest, visit: Callable[..., Any]) -> Any:
    return visit(curve_page("fruits & more.png", CURVE), request.param)


def test_both_lines_and_their_knees_are_drawn(page: Any) -> None:
    for chart in ("#quality", "#size"):
        assert page.locator(f"{chart} polyline").count() == 2
        assert page.locator(f"{chart} circle.knee").count() == 2
        assert page.locator(f"{chart} circle").count() == 2 * len(N_COLORS) + 2
    assert page.locator("#quality .knee title").all_text_contents() == [
        "32, undithered: 36",
        "24, sierra: 24",
    ]
    assert page.locator("#title").inner_text() == "How many colors for fruits & more.png?"
    assert "knee is at 32 colors, undithered" in page.locator("#summary").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_number_of_colors_is_chosen_by_slider_and_keys(page: Any) -> None:
    assert page.locator("#chosen").inner_text() == "32 colors"
    page.keyboard.press("ArrowRight")
    assert page.locator("#chosen").inner_text() == "48 colors"
    assert "undithered: 13.1 kB, SSIMULACRA2 48.0." in page.locator("#told").inner_text()
    page.locator("#n-colors").focus()
    page.keyboard.press("End")
    assert page.locator("#chosen").inner_text() == "256 colors"
    assert page.locator("#figures tr.chosen th").inner_text() == "256"
    drag(page, "#n-colors", 0.99, 0.01)
    assert page.locator("#chosen").inner_text() == "2 colors"


def test_every_figure_is_listed(page: Any) -> None:
    rows = page.locator("#figures tbody tr")
    assert rows.count() == len(N_COLORS)
    assert rows.nth(6).locator("td").all_inner_texts() == [
        "10.4 kB",
        "12.0",
        "27.00 dB",
        "14.4 kB",
        "12.0",
        "27.00 dB",
    ]
    assert page.locator("#figures td.knee").count() == 2


def test_it_speaks_spanish(page: Any) -> None:
    page.locator("#languages button[lang=es]").click()
    assert page.title() == "¿Cuántos colores para fruits & more.png?"
    assert page.locator("#chosen").inner_text() == "32 colores"
    assert "sin tramado: 12,2 kB" in page.locator("#told").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(visit: Callable[..., Any], scheme: str) -> None:
    assert barriers(visit(curve_page("a", CURVE), color_scheme=scheme)) == []

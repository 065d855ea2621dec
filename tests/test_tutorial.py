"""The tutorial runs, and the numbers in its text are those that it computes."""

import re
import sys
from typing import Any

import pytest

from images import ROOT

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")

sys.path.insert(0, str(ROOT / "tools"))

import tutorial  # noqa: E402

CELLS = tutorial.cells_of(tutorial.SOURCE.read_text("utf-8"))
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


# The kernel warns of its own ways of talking.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def run() -> Any:
    return tutorial.executed(CELLS, ROOT / "examples")


def notebook(lang: str) -> Any:
    return nbformat.read(ROOT / "examples" / f"tutorial.{lang}.ipynb", as_version=4)


def numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]


def test_it_has_output_where_it_says_so(run: Any) -> None:
    cells, values = run
    shown = [output for cell in cells for output in cell.outputs]
    pictures = [o for o in shown if "image/png" in o.get("data", {})]
    assert len(pictures) == 6
    assert not [output for output in shown if output.output_type == "error"]
    assert values["n_distinct:,"] == "299,544"
    assert values["bits"] == "4"
    # K-means from scratch falls, and the library's ends lower.
    assert float(values["history[0]:,.0f"].replace(",", "")) > 1.5 * float(
        values["model.inertia_:,.0f"].replace(",", "")
    )


@pytest.mark.parametrize("lang", tutorial.LANGUAGES)
def test_the_notebook_is_the_source_with_the_values_put_in(run: Any, lang: str) -> None:
    cells, values = run
    made = tutorial.notebook_of(CELLS, cells, values, lang)
    kept = notebook(lang)
    assert [cell.cell_type for cell in made.cells] == [cell.cell_type for cell in kept.cells]
    for new, old in zip(made.cells, kept.cells, strict=True):
        if new.cell_type == "code":
            assert new.source == old.source, "make tutorial"
        elif lang == "en":
            # The search may get a little better without a new edition of the text.
            assert NUMBER.sub("N", new.source) == NUMBER.sub("N", old.source), "make tutorial"
            assert numbers(old.source) == pytest.approx(numbers(new.source), rel=0.1), (
                "make tutorial"
            )


@pytest.mark.parametrize("lang", tutorial.LANGUAGES)
def test_the_page_is_the_notebook(lang: str) -> None:
    page = (ROOT / "docs" / f"tutorial.{lang}.md").read_text("utf-8")
    for cell in notebook(lang).cells:
        assert cell.source in page, "make tutorial"
    for name in re.findall(r"!\[[^\]]+\]\((images/[^)]+)\)", page):
        assert (ROOT / "docs" / name).exists()


def test_both_languages_say_the_same_numbers() -> None:
    assert tutorial.spanish("1,234,567") == "1\u202f234\u202f567"
    assert tutorial.spanish("6,244") == "6244"
    assert tutorial.spanish("8.3%") == "8,3\u202f%"
    fields = {
        lang: [tutorial.FIELD.findall(body) for kind, body in CELLS if kind == lang]
        for lang in tutorial.LANGUAGES
    }
    assert [sorted(one) for one in fields["en"]] == [sorted(one) for one in fields["es"]]

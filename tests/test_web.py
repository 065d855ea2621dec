"""The service, from outside: the page, pictures, figures, palettes, explanations."""

import json
from collections.abc import Iterator

import pytest

from pimenton import Options, compress, read_image
from pimenton.batch import Rules, compress_data
from serving import Service, serving, small


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving("--jobs", "2") as service:
        yield service


def test_the_page_and_its_files_are_served_with_tags(service: Service) -> None:
    page = service.ask("/")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    again = service.ask("/", If_None_Match=page.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_a_picture_is_what_the_command_makes_of_it(service: Service) -> None:
    data = small()
    answer = service.ask("/api/compress?quality=70", data)
    written, made = compress_data(data, Options(quality=70.0), Rules(force=True))
    assert answer.body == written
    assert answer.headers["Content-Type"] == "image/png"
    assert made is not None
    figures = {
        name: answer.headers[f"Pimenton-{name}"]
        for name in ("Input-Bytes", "Output-Bytes", "Width", "Height", "Colors", "Quality-Reached")
    }
    assert figures == {
        "Input-Bytes": str(len(data)),
        "Output-Bytes": str(len(written)),
        "Width": "96",
        "Height": "64",
        "Colors": str(made.report.n_colors),
        "Quality-Reached": "true",
    }
    assert float(answer.headers["Pimenton-Quality"]) == pytest.approx(made.report.quality, abs=0.01)


def test_a_preview_is_a_picture_near_the_result(service: Service) -> None:
    data = small()
    preview = service.ask("/api/compress?preview=true&quality=70", data)
    assert read_image(preview.body).shape == (64, 96, 4)
    result = compress(data, quality=70)
    assert len(preview.body) < 1.5 * len(result.data)
    assert abs(float(preview.headers["Pimenton-Quality"]) - 70) < 15


def test_a_report_has_the_figures(service: Service) -> None:
    report = json.loads(service.ask("/api/report?n_colors=4", small()).body)
    assert report["n_colors"] == len(report["palette"]) == 4
    assert report["options"]["n_colors"] == 4


def test_what_may_be_chosen_is_told(service: Service) -> None:
    told = json.loads(service.ask("/api/options").body)
    assert {"name", "help", "type", "limits", "choices", "default"} <= set(told["options"][0])
    assert "png" in told["formats"]

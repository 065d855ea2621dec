"""The documentation site is built without network, and holds what the code has."""

import dataclasses
import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pimenton
from browsing import SIZES, barriers
from images import ROOT
from pimenton.cli import COMMANDS

pytest.importorskip("sphinx", reason="sphinx is not installed, so the site is not built")
pytest.importorskip("myst_parser", reason="myst-parser is not installed, so the site is not built")
pytest.importorskip("furo", reason="furo is not installed, so the site is not built")

WITHOUT_NETWORK = """
import socket, sys
def refuse(*address, **more): raise AssertionError(f"the network was asked for {address}")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    for folder in ("docs", "benchmarks", "examples"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("*.ipynb"))
    words = ["-q", "-W", "-b", "html", str(root / "docs"), str(root / "site")]
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, *words], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return root / "site"


def words_of(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text("utf-8")))


def test_every_page_is_there_and_reached_from_the_first(site: Path) -> None:
    first = (site / "index.html").read_text("utf-8")
    pages = ["tutorial.en", "tutorial.es", "generated/commands", "generated/api", "plots", "how"]
    for page in [*pages, "benchmarks"]:
        assert (site / f"{page}.html").exists()
        assert f'href="{page}.html"' in first
    for page in ("house", "colors", "scores"):
        assert f'href="{page}.html"' in (site / "how.html").read_text("utf-8")


def test_every_command_and_option_is_described(site: Path) -> None:
    text = words_of(site / "generated" / "commands.html")
    for command, help in COMMANDS.items():
        assert re.search(rf"pimenton[ -]{command} ", text)
        assert help in text
    for field in dataclasses.fields(pimenton.Options):
        assert field.metadata["flags"][-1] in text
        assert field.metadata["help"] in text


def test_every_exported_name_is_described(site: Path) -> None:
    page = (site / "generated" / "api.html").read_text("utf-8")
    for name in pimenton.__all__:
        assert f'id="pimenton.{name}"' in page, name
    for name in ("plots.plot_palette", "curve.measure_curve", "explain.explain_page"):
        assert f'id="pimenton.{name}"' in page


def test_pages_fetch_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        fetched = re.findall(
            r'<(?:script|img|link)[^>]*?(?:src|href)="([^"]+)', page.read_text("utf-8")
        )
        assert not [address for address in fetched if re.match(r"(https?:)?//", address)]
        for address in fetched:
            path = address.partition("?")[0].partition("#")[0]
            assert path.startswith("data:") or (page.parent / path).exists(), address


def test_pictures_of_the_tutorial_and_the_plots_are_shown(site: Path) -> None:
    for page, least in (("tutorial.en", 6), ("tutorial.es", 6), ("plots", 6)):
        shown = re.findall(r'<img alt="([^"]+)"', (site / f"{page}.html").read_text("utf-8"))
        assert len(shown) >= least


# The same theme makes all pages, so that a few are enough the second time.
@pytest.mark.parametrize(
    ("kind", "scheme", "pages"),
    [("desktop", "light", "*"), ("phone", "dark", "[is]*"), ("phone", "dark", "tutorial.es")],
)
def test_pages_are_read_by_keyboard_and_ear_without_complaint(
    browser: Any, site: Path, kind: str, scheme: str, pages: str
) -> None:
    width, height = SIZES[kind]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for file in sorted(site.rglob(f"{pages}.html")):
        page.goto(file.as_uri())
        assert barriers(page) == [], file.name
    context.close()
    assert complaints == []


def test_each_tutorial_says_its_language(site: Path) -> None:
    for language in ("en", "es"):
        text = (site / f"tutorial.{language}.html").read_text("utf-8")
        assert re.search(rf'<html[^>]* lang="{language}"', text)

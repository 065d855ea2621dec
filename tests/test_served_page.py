"""The page of the service in a browser, used as a person would: by mouse, finger and keyboard."""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from PIL import Image

from browsing import SIZES, barriers, drag, heard, until
from images import FRUITS
from pimenton import read_image
from pimenton.swatches import PALETTE_FORMATS, read_palette
from serving import Service, serving

# Browsers write refusals on their console by themselves.
REFUSED = "the server responded with a status of"
LOCALES = {"en": "en-US", "es": "es-ES"}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of three pictures, two in a folder of their own, and a text."""
    folder = tmp_path_factory.mktemp("all") / "trip"
    (folder / "day").mkdir(parents=True)
    photograph = Image.open(FRUITS).convert("RGB")
    photograph.crop((200, 150, 296, 214)).save(folder / "market.png")
    photograph.crop((300, 200, 396, 296)).save(folder / "day" / "fruit.png")
    photograph.crop((10, 10, 90, 90)).quantize(16).save(folder / "day" / "grapes.png")
    (folder / "notes.txt").write_text("Bring bread.")
    photograph.crop((200, 100, 520, 340)).save(folder.parent / "large.png")
    return folder


@pytest.fixture
def visit(browser: Any, service: Service) -> Iterator[Callable[..., Any]]:
    """Open the page as often as wanted; at the end it did not complain and asked only its own."""
    visits: list[Iterator[Any]] = []

    def open_page(kind: str = "desktop", at: str = service.address, **choices: Any) -> Any:
        visits.append(heard(browser, at, at, kind, **choices))
        page = next(visits[-1])
        ready(page)
        return page

    yield open_page
    for one in visits:
        assert next(one, None) is None


def ready(page: Any) -> None:
    until(page, "document.body.classList.contains('ready')")


def drop(page: Any, *paths: Path) -> None:
    """Drop files and folders on the page, as the desktop hands them over."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 150, "y": 300, "data": data})
    session.detach()


def finished(page: Any, n: int) -> None:
    """Wait until all pictures are done, and the one that is looked at is shown so."""
    until(page, f"document.querySelectorAll('#list li:is(.done, .failed)').length === {n}", 60)
    shown = "#list [aria-pressed=true] .sizes"
    until(
        page,
        "document.getElementById('figures').textContent.startsWith("
        f"document.querySelector('{shown}').textContent)",
    )


def sizes(page: Any) -> str:
    return str(page.locator("#figures").inner_text())


def choose(page: Any, option: str, value: str) -> None:
    """Write a number beside a slider."""
    field = page.locator(f"[data-option={option}] input[type=number]")
    field.fill(value)
    field.press("Enter")


def downloaded(page: Any, press: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.locator(press).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def compressions(page: Any) -> list[str]:
    """Listen to what is asked from now on."""
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "/api/compress" in r.url else None)
    return asked


@pytest.mark.parametrize("lang", sorted(LOCALES))
@pytest.mark.parametrize("kind", sorted(SIZES))
def test_pictures_come_in_are_made_small_and_go_out(
    visit: Callable[..., Any], folder: Path, kind: str, lang: str
) -> None:
    page = visit(kind, locale=LOCALES[lang])
    assert page.evaluate("document.documentElement.lang") == lang
    assert page.locator("#invitation").is_visible()
    asked = compressions(page)
    drop(page, folder)
    finished(page, 3)
    assert "preview=true" in asked[0]
    assert page.locator("#list .name").all_inner_texts() == [
        "fruit.png",
        "grapes.png",
        "market.png",
    ]
    assert page.locator("#list .folder").all_inner_texts() == ["trip/day", "trip/day", "trip"]

    split = page.locator("#split")
    drag(page, "#stage", 0.5, 0.2)
    assert float(split.input_value()) == pytest.approx(20, abs=1)
    before = sizes(page)
    choose(page, "quality", "30")
    until(page, f"document.getElementById('figures').textContent !== {before!r}")
    finished(page, 3)
    assert n_bytes(sizes(page)) < n_bytes(before)

    color = page.locator("#colors code").nth(2).inner_text()
    page.locator("#colors button").nth(2).click()
    until(page, "Number(document.getElementById('veil').dataset.lit) > 0")
    page.locator("#lock").click()
    finished(page, 3)
    choose(page, "max_colors", "5")
    finished(page, 3)
    assert color in page.locator("#colors code").all_inner_texts()
    assert page.locator("#colors .locked code").all_inner_texts() == [color]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    name, archive = downloaded(page, "#download-all")
    assert name == "pimenton.zip"
    entries = ZipFile(BytesIO(archive))
    assert entries.testzip() is None
    assert sorted(entries.namelist()) == [
        "trip/day/fruit.png", "trip/day/grapes.png", "trip/market.png"
    ]  # fmt: skip
    for entry in entries.namelist():
        made = read_image(entries.read(entry))
        assert made.shape == read_image(folder.parent / entry).shape
    assert color in colors_in(entries.read("trip/day/fruit.png"))

    seen, again = sizes(page), len(asked)
    page.reload()
    ready(page)
    finished(page, 3)
    until(page, f"document.getElementById('figures').textContent === {seen!r}")
    assert page.locator("[data-option=quality] input[type=number]").input_value() == "30"
    assert page.locator("#colors .locked code").all_inner_texts() == [color]
    assert len(asked) == again


def n_bytes(told: str) -> float:
    """Read the size after the arrow, in either language."""
    number, unit = re.findall(r"→ ([\d.,]+) (k?B)", told)[0]
    return float(number.replace(",", ".")) * {"B": 1, "kB": 1000}[unit]


def colors_in(data: bytes) -> set[str]:
    pixels = read_image(data).reshape(-1, 4)
    return {f"#{r:02x}{g:02x}{b:02x}" for r, g, b, _ in pixels.tolist()}


def test_outdated_work_is_broken_off(visit: Callable[..., Any], folder: Path) -> None:
    page = visit()
    asked = compressions(page)
    ended: list[tuple[str, str | None]] = []
    page.on("requestfailed", lambda r: ended.append((r.url, r.failure)))
    drop(page, folder.parent / "large.png")
    for quality in ("60", "40"):
        n = len(asked)
        while not asked[n:] or "preview" in asked[-1]:
            page.wait_for_timeout(20)
        choose(page, "quality", quality)
    finished(page, 1)
    broken = [url for url, why in ended if why == "net::ERR_ABORTED"]
    assert [url for url in broken if "quality" not in url]
    assert [url for url in broken if "quality=60" in url]
    assert "quality=40" in asked[-1]
    assert "preview" not in asked[-1]
    assert float(sizes(page).split("SSIMULACRA 2 ")[1]) == pytest.approx(43, abs=4)


def test_a_file_that_is_no_picture_is_named_and_the_others_are_made(
    visit: Callable[..., Any], folder: Path
) -> None:
    page = visit(expected=REFUSED)
    drop(page, folder / "notes.txt", folder / "market.png", folder / "day" / "grapes.png")
    finished(page, 3)
    [failed] = page.locator("#list .failed").all_inner_texts()
    assert "notes.txt" in failed
    assert "not an image" in failed
    assert page.locator("#list .done").count() == 2
    page.locator("#list button.picture", has_text="notes.txt").click()
    assert "not an image" in page.locator("#problem").inner_text()
    _, archive = downloaded(page, "#download-all")
    assert sorted(ZipFile(BytesIO(archive)).namelist()) == ["grapes.png", "market.png"]


def tab_to(page: Any, what: str) -> None:
    """Press the tab key until something has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches({what!r})"):
            return
    pytest.fail(f"the tab key does not lead to {what}")


def test_keys_alone_will_do(visit: Callable[..., Any], folder: Path) -> None:
    page = visit()
    with page.expect_file_chooser() as chooser:
        tab_to(page, "[data-choose=files]")
        page.keyboard.press("Enter")
    chooser.value.set_files([folder / "market.png", folder / "day" / "fruit.png"])
    finished(page, 2)
    tab_to(page, "#split")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#split").input_value() == "49"
    page.keyboard.press("d")
    assert page.locator("#view-difference").get_attribute("aria-pressed") == "true"
    page.keyboard.press("n")
    until(page, "document.getElementById('name').textContent === 'fruit.png'")
    before = sizes(page)
    tab_to(page, "#option-quality")
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#option-quality").input_value() == "70"
    finished(page, 2)
    assert sizes(page) != before
    tab_to(page, "#colors button")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    until(page, "Number(document.getElementById('veil').dataset.lit) > 0")
    page.keyboard.press("Escape")
    assert page.locator("#chosen").is_hidden()
    tab_to(page, "#download-all")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert len(ZipFile(waiting.value.path()).namelist()) == 2


def test_a_palette_goes_out_in_every_format(
    visit: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    drop(page, folder / "day" / "grapes.png")
    finished(page, 1)
    listed = set(page.locator("#colors code").all_inner_texts())
    for format, kind in PALETTE_FORMATS.items():
        page.locator("#palette-format").select_option(format)
        name, content = downloaded(page, "#export")
        assert name == f"grapes.{format}"
        if kind.read is not None:
            (tmp_path / name).write_bytes(content)
            assert set(read_palette(tmp_path / name).hex) == listed
    page.locator("#colors button").first.click()
    page.locator("#copy").click()
    until(page, "document.getElementById('copy').textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#colors code").first.inner_text()


def test_the_explanation_opens_beside(visit: Callable[..., Any], folder: Path) -> None:
    page = visit()
    drop(page, folder / "market.png")
    finished(page, 1)
    with page.expect_popup() as opened:
        page.locator("#explain").click()
    opened.value.wait_for_url("**/explain/*")
    assert opened.value.locator("#steps").is_visible()


def test_controls_are_those_of_the_service(visit: Callable[..., Any], folder: Path) -> None:
    page = visit()
    drop(page, folder / "market.png")
    finished(page, 1)
    asked = compressions(page)
    page.locator("[data-aim=colors]").click()
    page.locator("#option-dither").select_option("floyd-steinberg")
    page.locator("#option-palette").select_option("gameboy")
    page.locator("#option-format").select_option("tiff")
    page.locator("#more summary").click()
    page.locator("#option-space").select_option("srgb")
    finished(page, 1)
    for part in ("n_colors=64", "dither=floyd-steinberg", "palette=gameboy", "space=srgb"):
        assert part in asked[-1]
    assert page.locator("#colors code").count() == 4
    name, data = downloaded(page, "#download")
    assert name == "market.tiff"
    assert Image.open(BytesIO(data)).format == "TIFF"
    page.locator("#reset").click()
    finished(page, 1)
    assert page.locator("#option-palette").input_value() == ""
    assert page.locator("#reset").is_hidden()
    for _ in range(2):
        page.locator("[data-aim=size]").click()
        page.locator("#option-max_bytes").fill("4")
        page.locator("#option-max_bytes").press("Enter")
    finished(page, 1)
    assert n_bytes(sizes(page)) <= 4000


def test_pictures_are_pasted_and_removed(visit: Callable[..., Any], folder: Path) -> None:
    page = visit()
    page.evaluate(
        """(bytes) => {
          const pasted = new DataTransfer();
          pasted.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: pasted }));
        }""",
        list((folder / "market.png").read_bytes()),
    )
    finished(page, 1)
    assert page.locator("#name").inner_text() == "image.png"
    page.locator("#list .remove").click()
    assert page.locator("#invitation").is_visible()
    page.reload()
    ready(page)
    assert page.locator("#invitation").is_visible()


def test_a_busy_service_is_asked_again(visit: Callable[..., Any], folder: Path) -> None:
    with serving("--jobs", "1", "--max-waiting", "0") as narrow:
        page = visit(at=narrow.address, expected=REFUSED)
        answers: list[int] = []
        page.on("response", lambda response: answers.append(response.status))
        drop(page, *[folder / "market.png"] * 3)
        finished(page, 3)
        assert page.locator("#list .done").count() == 3
        assert 503 in answers


def test_a_service_that_has_gone_is_said_and_waited_for(browser: Any, folder: Path) -> None:
    with serving() as first:
        address = first.address
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        ready(page)
        drop(page, folder / "market.png")
        finished(page, 1)
    choose(page, "quality", "20")
    until(page, "!document.getElementById('gone').hidden")
    assert "does not answer" in page.locator("#gone").inner_text()
    with serving("--port", str(first.place[1])):
        finished(page, 1)
        assert page.locator("#gone").is_hidden()
        assert page.locator("#list .done").count() == 1
    context.close()


@pytest.mark.parametrize(("kind", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_nobody_is_kept_out(
    visit: Callable[..., Any], folder: Path, kind: str, scheme: str
) -> None:
    page = visit(kind, color_scheme=scheme, expected=REFUSED)
    assert barriers(page) == []
    drop(page, folder / "day" / "grapes.png", folder / "notes.txt")
    finished(page, 2)
    page.locator("#more summary").click()
    page.locator("#colors button").first.click()
    page.locator("#lock").click()
    finished(page, 2)
    assert barriers(page) == []

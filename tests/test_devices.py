"""Palettes of one's own are kept as they are, and devices get no color that they cannot show."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from images import FRUITS, images
from pimenton import Options, UnreadableImage, compress, quantize, read_image
from pimenton.cli import main
from pimenton.devices import DEVICES, colors_of_names, find_palette
from pimenton.grids import DEPTHS, snapped
from pimenton.palette import Palette
from pimenton.pixels import Pixels
from pimenton.swatches import write_palette

COLORS = ("#ff0000", "#010203", "#ff0000", "#ffffff", "#00ff00")


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return read_image(FRUITS)[:60, :80]


@pytest.mark.parametrize("ending", ["gpl", "hex", "pal", "act", "ase", "json"])
def test_palette_files_are_taken_in_their_order(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"own.{ending}"
    write_palette(Palette.of_hex(COLORS), path)
    assert find_palette(path) == COLORS


def test_pictures_lend_their_palettes(tmp_path: Path) -> None:
    picture = Image.new("P", (2, 2), 1)
    picture.putpalette([9, 9, 9, 1, 2, 3, 9, 9, 9])
    picture.save(tmp_path / "indexed.png")
    assert find_palette(tmp_path / "indexed.png")[:3] == ("#090909", "#010203", "#090909")
    Image.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "plain.bmp")
    assert find_palette(tmp_path / "plain.bmp") == ("#010203",)
    with pytest.raises(UnreadableImage, match=r"colors are more than 256"):
        find_palette(FRUITS)


@pytest.mark.parametrize("device", DEVICES)
def test_devices_have_distinct_colors(device: str) -> None:
    palette = find_palette(device)
    assert len(set(palette)) == len(palette) <= 256


@pytest.mark.parametrize("format", ["png", "gif"])
@pytest.mark.parametrize("parse", [None, False, True])
def test_an_imposed_palette_is_written_as_it_is(
    photo: Pixels, tmp_path: Path, format: str, parse: bool | None
) -> None:
    target = tmp_path / f"out.{format}"
    result = compress(photo, target, palette=COLORS, parse=parse, effort="fast")
    assert result.image.palette.hex == COLORS
    with Image.open(target) as picture:
        rows = np.array(picture.getpalette(), np.uint8).reshape(-1, 3)[:5]
    assert ["#" + bytes(row).hex() for row in rows] == list(COLORS)
    used = {tuple(color) for color in read_image(target).reshape(-1, 4).tolist()}
    assert used <= {tuple(color) for color in Palette.of_hex(COLORS).colors.tolist()}


@given(images(), st.integers(1, 20))
def test_locked_colors_stay_and_no_color_is_too_many(pixels: Pixels, n_colors: int) -> None:
    lock = ("#123456", "#fedcba")[:n_colors]
    image = quantize(pixels, n_colors=n_colors, lock=lock, effort="fast")
    assert set(lock) <= set(image.palette.hex)
    assert len(image.palette) <= n_colors


def test_free_colors_settle_around_locked_ones(photo: Pixels) -> None:
    def mse(**choices: object) -> float:
        return compress(photo, n_colors=8, effort="fast", **choices).report.mse

    free = quantize(photo, n_colors=8, effort="fast").palette.hex
    assert mse(lock=free[:3]) <= 1.05 * mse()
    assert mse(lock=("#00ff00",)) < 2 * mse()


@given(images(), st.sampled_from(sorted(DEPTHS)), st.integers(2, 20))
def test_every_color_is_one_of_the_devices(pixels: Pixels, depth: str, n_colors: int) -> None:
    image = quantize(pixels, n_colors=n_colors, depth=depth, effort="fast")
    colors = image.palette.colors
    assert len(colors) <= n_colors
    assert np.array_equal(snapped(colors, DEPTHS[depth]), colors)


def test_a_grid_costs_little_and_wastes_no_place(photo: Pixels) -> None:
    free = compress(photo, n_colors=32, effort="fast").report
    grid = compress(photo, n_colors=32, depth="rgb565", effort="fast").report
    coarse = compress(photo, n_colors=32, depth="rgb444", effort="fast").report
    assert grid.n_colors == coarse.n_colors == 32
    assert free.mse <= grid.mse < 1.3 * free.mse
    assert grid.mse < coarse.mse


def test_names_of_colors_are_read() -> None:
    assert colors_of_names("#f00,00ff0080") == ("#ff0000", "#00ff0080")
    with pytest.raises(ValueError, match="rrggbb"):
        colors_of_names("red")
    with pytest.raises(ValueError, match="lock must have at most 1 colors"):
        Options(n_colors=1, lock=("#000000", "#ffffff"))
    with pytest.raises(TypeError, match="palette must be a tuple"):
        Options(palette="#000000")


def test_the_command_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, box in (("a.png", (0, 0, 60, 40)), ("b.png", (300, 200, 360, 240))):
        with Image.open(FRUITS) as picture:
            picture.crop(box).save(tmp_path / name)
    fast = ["--effort", "fast", "--to"]
    words = ["compress", str(tmp_path / "a.png"), str(tmp_path / "b.png"), *fast]
    assert main([*words, str(tmp_path / "gb"), "--palette", "gameboy"]) == 0
    assert main([*words, str(tmp_path / "lock"), "--lock", "#f0f", "-k", "8"]) == 0
    assert main([*words, str(tmp_path / "one"), "--shared-palette", "-k", "16"]) == 0
    palettes = [find_palette(tmp_path / "one" / name) for name in ("a.png", "b.png")]
    assert palettes[0] == palettes[1]
    assert len(palettes[0]) == 16
    assert find_palette(tmp_path / "gb" / "a.png") == find_palette("gameboy")
    assert "#ff00ff" in find_palette(tmp_path / "lock" / "b.png")
    with pytest.raises(SystemExit):
        main([*words, str(tmp_path / "no"), "--palette", "missing.gpl"])
    assert "missing.gpl: No such file" in capsys.readouterr().err

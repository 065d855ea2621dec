"""Palette files are read as they were written."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimenton import Palette, UnreadableImage
from pimenton.swatches import PALETTE_FORMATS, encode_palette, read_palette, write_palette

READABLE = sorted(name for name, kind in PALETTE_FORMATS.items() if kind.read)


@st.composite
def palettes(draw: st.DrawFn) -> Palette:
    n = draw(st.integers(1, 256))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    colors = rng.integers(0, 256, (n, 4), dtype=np.uint8)
    colors[:, 3] = 255
    return Palette(colors)


@pytest.mark.parametrize("format", READABLE)
@given(palette=palettes())
def test_order_and_repetitions_survive(format: str, palette: Palette) -> None:
    read = PALETTE_FORMATS[format].read
    assert read is not None
    assert read(encode_palette(palette, format)) == palette


@given(palette=palettes(), seed=st.integers(0, 99))
def test_json_keeps_opacity(palette: Palette, seed: int) -> None:
    colors = palette.colors.copy()
    colors[:, 3] = np.random.default_rng(seed).integers(0, 256, len(colors))
    data = encode_palette(Palette(colors), "json", range(len(colors)))
    read = PALETTE_FORMATS["json"].read
    assert read is not None
    assert read(data) == Palette(colors)


@pytest.mark.parametrize("format", READABLE)
@given(palette=palettes(), junk=st.binary(max_size=20), at=st.integers(0, 800))
def test_any_bytes_are_a_palette_or_refused(
    tmp_path_factory: pytest.TempPathFactory, format: str, palette: Palette, junk: bytes, at: int
) -> None:
    data = encode_palette(palette, format)
    path = tmp_path_factory.getbasetemp() / f"colors.{format}"
    path.write_bytes(data[:at] + junk + data[at + len(junk) :])
    line = ""
    try:
        read_palette(path)
    except UnreadableImage as error:
        line = str(error)
    assert "\n" not in line


def test_json_and_act_keep_a_clear_entry() -> None:
    palette = Palette.of_hex(["#000000", "#00000000", "#ff0000"])
    for format in ("json", "act"):
        read = PALETTE_FORMATS[format].read
        assert read is not None
        assert read(encode_palette(palette, format)) == palette


def test_contents_are_what_others_read() -> None:
    palette = Palette.of_hex(["#ff0001", "#00ff00"])
    assert encode_palette(palette, "gpl").startswith(b"GIMP Palette\nName: pimenton\nColumns: 2\n")
    assert b"255   0   1\t#ff0001\n" in encode_palette(palette, "gpl")
    assert encode_palette(palette, "pal") == b"JASC-PAL\r\n0100\r\n2\r\n255 0 1\r\n0 255 0\r\n"
    assert len(encode_palette(palette, "act")) == 772
    assert encode_palette(palette, "act")[768:] == b"\0\2\xff\xff"
    ase = encode_palette(palette, "ase")
    assert ase[:12] == b"ASEF\0\1\0\0\0\0\0\2"
    css = encode_palette(palette, "css", [3, 1])
    assert css == (
        b":root {\n  --color-0: #ff0001; /* 75.00 % */\n  --color-1: #00ff00; /* 25.00 % */\n}\n"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.gpl", b"RIFF"), ("a.gpl", b"GIMP Palette\n"), ("a.gpl", b"GIMP Palette\n1 2 999\n"),
        ("a.hex", b"zzz"), ("a.hex", b"\xff\xfe"), ("a.pal", b"JASC-PAL\n0100\n2\n1 2 3\n"),
        ("a.pal", b""), ("a.act", b"12"), ("a.ase", b"ASEF"), ("a.ase", b"ASEF\0\1\0\0\0\0\0\2"),
        ("a.json", b"{}"), ("a.json", b"[1]"), ("a.json", b"["),
        ("a.json", b"[" * 100_000), ("a.json", b'[{"hex": 1e999}]'),
        ("a.ase", b"ASEF\0\1\0\0\0\0\0\1\0\1\0\0\0\x14\0\0RGB " + b"\x7f\x80\0\0" * 3 + b"\0\2"),
    ],
)  # fmt: skip
def test_damage_is_said_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableImage, match=name) as caught:
        read_palette(path)
    assert "\n" not in str(caught.value)


def test_endings_decide(tmp_path: Path) -> None:
    palette = Palette.of_hex(["#010203"])
    with pytest.raises(ValueError, match=r"must end in \.gpl"):
        write_palette(palette, tmp_path / "colors.txt")
    write_palette(palette, tmp_path / "colors.css")
    with pytest.raises(ValueError, match="only written"):
        read_palette(tmp_path / "colors.css")

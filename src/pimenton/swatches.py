"""Palette files: GIMP, hex list, Jasc, Adobe color table, Adobe swatch exchange, CSS and JSON."""

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct, error, pack, unpack

import numpy as np

from pimenton.errors import UnreadableImage
from pimenton.formats import write_atomically
from pimenton.palette import MAX_COLORS, Palette, color_of_hex

Counts = Sequence[int]
_Rows = list[tuple[int, int, int]]


@dataclass(frozen=True)
class PaletteFormat:
    """How a kind of palette file is written and read.

    Attributes
    ----------
    write : callable
        Palette and counts (or None) to the file's content.
    read : callable or None
        The file's content to a palette, raising ValueError where it is damaged; None where the
        format is only written.
    """

    write: Callable[[Palette, Counts | None], bytes]
    read: Callable[[bytes], Palette] | None


def encode_palette(palette: Palette, format: str, counts: Counts | None = None) -> bytes:
    r"""Give the content of a palette file.

    Parameters
    ----------
    palette : Palette
        The colors; their order is kept. Opacity is kept by css and json; act keeps one fully
        transparent entry; the others have no place for it.
    format : str
        A key of ``PALETTE_FORMATS``.
    counts : sequence of int, optional
        Pixels of each color, for the formats that tell them (css, json).

    Raises
    ------
    ValueError
        If the format is unknown.

    Examples
    --------
    >>> encode_palette(Palette.of_hex(["#ff0000", "#00ff00"]), "hex")
    b'ff0000\n00ff00\n'
    """
    return _format(format).write(palette, counts)


def write_palette(
    palette: Palette, path: str | os.PathLike[str], *, counts: Counts | None = None
) -> None:
    """Write a palette file of the format that its name's ending says.

    Raises
    ------
    ValueError
        If the ending is unknown.
    OSError
        If the file cannot be written.
    """
    content = encode_palette(palette, _ending(Path(path)), counts)
    write_atomically(Path(path), content)


def read_palette(path: str | os.PathLike[str]) -> Palette:
    """Read a palette file of the format that its name's ending says.

    Returns
    -------
    Palette
        The colors in the file's order, unused and repeated ones too.

    Raises
    ------
    ValueError
        If the ending is unknown or of a format that is only written.
    UnreadableImage
        If the content is not of that format, or it has no color or more than 256.
    OSError
        If the file cannot be opened.
    """
    ending = _ending(Path(path))
    read = _format(ending).read
    if read is None:
        raise ValueError(f"{path}: {ending} palettes are only written")
    try:
        return read(Path(path).read_bytes())
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError, error) as problem:
        reason = " ".join(str(problem).split())
        raise UnreadableImage(f"{path}: not a {ending} palette ({reason})") from problem


def _ending(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


def _format(name: str) -> PaletteFormat:
    if name not in PALETTE_FORMATS:
        endings = ", .".join(PALETTE_FORMATS)
        raise ValueError(f"a palette file must end in .{endings}; got {name!r}")
    return PALETTE_FORMATS[name]


def _rgb(palette: Palette) -> _Rows:
    return [(int(r), int(g), int(b)) for r, g, b, _ in palette.colors]


def _opaque(rows: Sequence[Sequence[int]]) -> Palette:
    if not 1 <= len(rows) <= MAX_COLORS:
        raise ValueError(f"it has {len(rows)} colors")
    colors = np.array(rows, dtype=np.int64).reshape(-1, 3)
    if colors.min() < 0 or colors.max() > 255:
        raise ValueError("a value is outside 0 to 255")
    return Palette(np.insert(colors, 3, 255, axis=1).astype(np.uint8))


def _write_gpl(palette: Palette, counts: Counts | None) -> bytes:
    head = f"GIMP Palette\nName: pimenton\nColumns: {min(16, len(palette))}\n#\n"
    rows = zip(_rgb(palette), palette.hex, strict=True)
    return (head + "".join(f"{r:3} {g:3} {b:3}\t{name}\n" for (r, g, b), name in rows)).encode()


def _read_gpl(content: bytes) -> Palette:
    first, *lines = content.decode("utf-8", "replace").splitlines()[:10_000] or [""]
    if not first.startswith("GIMP Palette"):
        raise ValueError("the first line is not 'GIMP Palette'")
    found = [re.match(r"\s*(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(?:\s|$)", line) for line in lines]
    return _opaque([[int(part) for part in match.groups()] for match in found if match])


def _write_hex(palette: Palette, counts: Counts | None) -> bytes:
    return "".join(f"{r:02x}{g:02x}{b:02x}\n" for r, g, b in _rgb(palette)).encode()


def _read_hex(content: bytes) -> Palette:
    lines = content.decode("ascii").split()
    return _opaque([color_of_hex(line)[:3] for line in lines])


def _write_pal(palette: Palette, counts: Counts | None) -> bytes:
    rows = "".join(f"{r} {g} {b}\r\n" for r, g, b in _rgb(palette))
    return f"JASC-PAL\r\n0100\r\n{len(palette)}\r\n{rows}".encode()


def _read_pal(content: bytes) -> Palette:
    kind, version, count, *values = content.decode("ascii").split()
    if (kind, version) != ("JASC-PAL", "0100"):
        raise ValueError("it does not begin with JASC-PAL and 0100")
    if len(values) != 3 * int(count):
        raise ValueError(f"it says {count} colors and has {len(values) / 3:g}")
    return _opaque([[int(v) for v in values[i : i + 3]] for i in range(0, len(values), 3)])


def _write_act(palette: Palette, counts: Counts | None) -> bytes:
    clear = np.flatnonzero(palette.colors[:, 3] == 0)
    table = palette.colors[:, :3].tobytes().ljust(3 * MAX_COLORS, b"\0")
    return table + pack(">HH", len(palette), clear[0] if len(clear) else 0xFFFF)


def _read_act(content: bytes) -> Palette:
    if len(content) not in (768, 772):
        raise ValueError(f"it must have 768 or 772 bytes; got {len(content)}")
    count, clear = unpack(">HH", content[768:]) if len(content) == 772 else (256, 0xFFFF)
    palette = _opaque(np.frombuffer(content[:768], np.uint8).reshape(-1, 3)[:count].tolist())
    if clear >= len(palette):
        return palette
    colors = palette.colors.copy()
    colors[clear] = 0
    return Palette(colors)


_ASE_HEAD = Struct(">4sHHI")
_ASE_BLOCK = Struct(">HI")


def _write_ase(palette: Palette, counts: Counts | None) -> bytes:
    blocks = []
    for (r, g, b), name in zip(_rgb(palette), palette.hex, strict=True):
        letters = name + "\0"
        body = pack(">H", len(letters)) + letters.encode("utf-16-be")
        body += b"RGB " + pack(">fff", r / 255, g / 255, b / 255) + pack(">H", 2)
        blocks.append(_ASE_BLOCK.pack(1, len(body)) + body)
    return _ASE_HEAD.pack(b"ASEF", 1, 0, len(blocks)) + b"".join(blocks)


def _read_ase(content: bytes) -> Palette:
    kind, _, _, n_blocks = _ASE_HEAD.unpack_from(content)
    if kind != b"ASEF":
        raise ValueError("it does not begin with ASEF")
    rows: list[list[int]] = []
    at = _ASE_HEAD.size
    for _ in range(n_blocks):
        block, size = _ASE_BLOCK.unpack_from(content, at)
        body = content[at + _ASE_BLOCK.size : at + _ASE_BLOCK.size + size]
        at += _ASE_BLOCK.size + size
        if block == 1:
            rows.append(_ase_color(body))
    return _opaque(rows)


def _ase_color(body: bytes) -> list[int]:
    after_name = 2 + 2 * unpack(">H", body[:2])[0]
    model = body[after_name : after_name + 4]
    if model == b"RGB ":
        values = unpack(">fff", body[after_name + 4 : after_name + 16])
    elif model == b"Gray":
        values = unpack(">f", body[after_name + 4 : after_name + 8]) * 3
    else:
        raise ValueError(f"the color model {model!r} is not RGB or gray")
    return [int(value * 255 + 0.5) for value in values]


def _write_css(palette: Palette, counts: Counts | None) -> bytes:
    total = sum(counts) if counts is not None else 0
    shares = [f" /* {100 * c / total:.2f} % */" for c in counts] if counts is not None else []
    rows = zip(palette.hex, shares or [""] * len(palette), strict=True)
    lines = [f"  --color-{i}: {name};{share}\n" for i, (name, share) in enumerate(rows)]
    return f":root {{\n{''.join(lines)}}}\n".encode()


def _write_json(palette: Palette, counts: Counts | None) -> bytes:
    rows = [
        {"hex": name, "rgba": color.tolist()}
        for name, color in zip(palette.hex, palette.colors, strict=True)
    ]
    if counts is not None:
        rows = [row | {"count": int(count)} for row, count in zip(rows, counts, strict=True)]
    return (json.dumps(rows, indent=1) + "\n").encode()


def _read_json(content: bytes) -> Palette:
    rows = json.loads(content)
    if not isinstance(rows, list):
        raise ValueError("it is not a list")
    return Palette.of_hex(str(row["hex"] if isinstance(row, dict) else row) for row in rows)


PALETTE_FORMATS: dict[str, PaletteFormat] = {
    "gpl": PaletteFormat(_write_gpl, _read_gpl),
    "hex": PaletteFormat(_write_hex, _read_hex),
    "pal": PaletteFormat(_write_pal, _read_pal),
    "act": PaletteFormat(_write_act, _read_act),
    "ase": PaletteFormat(_write_ase, _read_ase),
    "css": PaletteFormat(_write_css, None),
    "json": PaletteFormat(_write_json, _read_json),
}

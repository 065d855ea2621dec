"""TIFF and BigTIFF read part by part: tifffile finds the tiles, and decodes one at a time."""

import logging
import os
import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimenton.errors import UnreadableImage, one_line
from pimenton.pixels import Colors, Pixels
from pimenton.profiles import TableProfile, icc_encoding
from pimenton.tiled.levels import (
    MODEL_TIEPOINT,
    MODEL_TRANSFORMATION,
    Level,
    Pyramid,
    Tag,
    View,
    assembled,
)
from pimenton.tiled.meaning import Meaning, color_channels

NEEDED = "pictures in tiles need tifffile, imagecodecs and zarr: pip install 'pimenton[tiles]'"

# Of photometric interpretations, those that are understood: the number of colors of each.
_N_COLORS = {0: 1, 1: 1, 2: 3, 3: 1, 6: 3}
_NAMES = {
    4: "a mask",
    5: "CMYK",
    8: "CIE Lab",
    9: "ICC Lab",
    10: "ITU Lab",
    32803: "a color filter",
}
_WHITE_IS_ZERO, _PALETTE = 0, 3
_ASSOCIATED, _UNASSOCIATED = 1, 2
_SEPARATE = 2
_UNCOMPRESSED = 1
_JPEG = {6, 7, 34892, 33007}

# What a result takes over: orientation, resolution, and the place on earth.
_KEPT_TAGS = (
    *(274, 282, 283, 296),
    *(33550, MODEL_TIEPOINT, MODEL_TRANSFORMATION, 34735, 34736, 34737),
)
_ASCII, _RATIONAL = 2, 5

# Rows of an uncompressed picture without tiles that are taken for a tile.
_ROWS = 64


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a level is in a file, and what its samples stand for."""

    path: str
    series: int
    level: int
    page: int
    meaning: Meaning


def open_tiff(path: str, view: View) -> Pyramid:
    """Open a TIFF; parameters, result and errors as for ``open_pyramid``."""
    file = _opened(path)
    pictures = [
        (series, page)
        for series, found in enumerate(file.tiff.series)
        for page in range(len(found.pages))
    ]
    if view.page >= len(pictures):
        raise UnreadableImage(f"{path}: no page {view.page}; there are {len(pictures)}, from 0")
    series, page = pictures[view.page]
    first = _page(file, series, 0, page)
    place = _Place(path, series, 0, page, _meaning(path, first, view))
    levels = []
    for level, found in enumerate(file.tiff.series[series].levels):
        if page < len(found.pages):
            levels.append(_level(file, replace(place, level=level)))
    return Pyramid(tuple(levels), _kept_tags(first))


class _File:
    """An open TIFF, and a lock for its position."""

    def __init__(self, path: str) -> None:
        try:
            from tifffile import TiffFile
        except ImportError as error:
            raise UnreadableImage(f"{path}: {NEEDED}") from error
        # It tells of what is odd; what is wrong is raised.
        logging.getLogger("tifffile").addHandler(logging.NullHandler())
        self.lock = threading.Lock()
        try:
            self.tiff = TiffFile(path)
        except OSError:
            raise
        except Exception as error:
            raise UnreadableImage(f"{path}: not a TIFF, or a damaged one") from error
        self.pages: dict[tuple[int, int, int], Any] = {}

    def bytes_at(self, offset: int, n_bytes: int) -> bytes:
        """Read from a place in the file; threads do not wait for each other where they need not."""
        if hasattr(os, "pread"):
            return os.pread(self.tiff.filehandle.fileno(), n_bytes, offset)
        with self.lock:
            self.tiff.filehandle.seek(offset)
            data: bytes = self.tiff.filehandle.read(n_bytes)
        return data


# Files stay open between parts; a process that was forked must not share a position.
_FILES: dict[tuple[int, str], _File] = {}
_FILES_LOCK = threading.Lock()


def _opened(path: str) -> _File:
    with _FILES_LOCK:
        key = (os.getpid(), path)
        if key not in _FILES:
            _FILES[key] = _File(path)
        return _FILES[key]


def close_files() -> None:
    """Close all files that are open in this process."""
    with _FILES_LOCK:
        for key in [key for key in _FILES if key[0] == os.getpid()]:
            _FILES.pop(key).tiff.close()


def _page(file: _File, series: int, level: int, page: int) -> Any:
    key = (series, level, page)
    if key not in file.pages:
        with file.lock:
            found = file.tiff.series[series].levels[level].pages[page]
            file.pages[key] = None if found is None else found.aspage()
    if file.pages[key] is None:
        raise UnreadableImage(f"{file.tiff.filename}: a page is missing")
    return file.pages[key]


def _meaning(path: str, page: Any, view: View) -> Meaning:
    photometric, n_channels = int(page.photometric), int(page.samplesperpixel)
    if page.imagedepth != 1:
        raise UnreadableImage(f"{path}: a volume; pictures are read page by page")
    channels = view.channels
    if channels is None and photometric not in _N_COLORS:
        name = _NAMES.get(photometric, f"photometric interpretation {photometric}")
        raise UnreadableImage(f"{path}: {name} is not read in tiles; choose channels")
    extra = int(page.extrasamples[0]) if page.extrasamples else 0
    if channels is None:
        has_opacity = extra in (_ASSOCIATED, _UNASSOCIATED)
        channels = color_channels(n_channels, _N_COLORS[photometric], has_opacity)
    if max(channels) >= n_channels:
        raise UnreadableImage(f"{path}: no channel {max(channels)}; there are {n_channels}, from 0")
    encoding = icc_encoding(page.iccprofile) if page.iccprofile else None
    if isinstance(encoding, TableProfile):
        raise UnreadableImage(f"{path}: a profile of tables, which is not applied to tiles")
    chosen = view.channels is not None
    return Meaning(
        channels,
        view.value_range,
        int(page.bitspersample),
        is_inverted=photometric == _WHITE_IS_ZERO and not chosen,
        is_premultiplied=extra == _ASSOCIATED and not chosen,
        colormap=_colormap(page) if photometric == _PALETTE and not chosen else None,
        encoding=encoding if len(channels) > 2 or n_channels < 3 else None,
    )


def _colormap(page: Any) -> Colors:
    return (np.asarray(page.colormap).T >> 8).astype(np.uint8)


def _kept_tags(page: Any) -> tuple[Tag, ...]:
    kept = []
    for code in _KEPT_TAGS:
        tag = page.tags.get(code)
        if tag is None:
            continue
        values = tag.value
        if int(tag.dtype) == _ASCII:
            values = str(values).encode("ascii", "replace") + b"\0"
        elif int(tag.dtype) == _RATIONAL or not isinstance(values, tuple):
            values = (values,)
        kept.append(Tag(code, int(tag.dtype), values))
    return tuple(kept)


def _level(file: _File, place: _Place) -> Level:
    page = _page(file, place.series, place.level, place.page)
    tile = (page.tilelength, page.tilewidth) if page.is_tiled else (_rows(page), page.imagewidth)
    return Level(page.imagelength, page.imagewidth, tile, partial(_read_part, place))


def _rows(page: Any) -> int:
    rows = min(int(page.rowsperstrip), int(page.imagelength))
    return min(_ROWS, rows) if _is_plain(page) else rows


def _is_plain(page: Any) -> bool:
    """Tell whether rows lie in the file as they are in memory."""
    return (
        not page.is_tiled
        and page.compression == _UNCOMPRESSED
        and page.predictor == 1
        and page.fillorder == 1
        and (page.planarconfig != _SEPARATE or page.samplesperpixel == 1)
        and page.dtype is not None
        and page.bitspersample == 8 * page.dtype.itemsize
    )


def _read_part(place: _Place, y: int, x: int, height: int, width: int) -> Pixels:
    file = _opened(place.path)
    page = _page(file, place.series, place.level, place.page)
    try:
        if _is_plain(page):
            samples = _plain_rows(file, page, y, height)[:, x : x + width]
        else:
            samples = _samples(file, page, place.meaning.channels, (y, x, height, width))
    except Exception as error:
        raise UnreadableImage(f"{place.path}: damaged tile ({one_line(error)})") from error
    meaning = place.meaning
    if page.planarconfig == _SEPARATE and page.samplesperpixel > 1:
        meaning = replace(meaning, channels=tuple(range(len(meaning.channels))))
    try:
        return meaning.pixels(samples)
    except UnreadableImage as error:
        raise UnreadableImage(f"{place.path}: {error}") from error


def _plain_rows(file: _File, page: Any, y: int, height: int) -> NDArray[Any]:
    """Read rows of an uncompressed picture, whose strips may be as long as itself."""
    dtype = page.dtype.newbyteorder(file.tiff.byteorder)
    row_bytes = page.imagewidth * page.samplesperpixel * dtype.itemsize
    parts, end = [], y + height
    while y < end:
        strip, row = divmod(y, page.rowsperstrip)
        n_rows = min(end - y, page.rowsperstrip - row)
        offset = page.dataoffsets[strip] + row * row_bytes
        parts.append(file.bytes_at(offset, n_rows * row_bytes))
        y += n_rows
    samples = np.frombuffer(b"".join(parts), dtype)
    native = samples.astype(dtype.newbyteorder("="), copy=False)
    return native.reshape(height, page.imagewidth, page.samplesperpixel)


def _samples(
    file: _File, page: Any, channels: tuple[int, ...], part: tuple[int, int, int, int]
) -> NDArray[Any]:
    is_tiled = page.is_tiled
    rows = page.tilelength if is_tiled else min(page.rowsperstrip, page.imagelength)
    tile = (rows, page.tilewidth if is_tiled else page.imagewidth)
    n_across, n_down = -(-page.imagewidth // tile[1]), -(-page.imagelength // tile[0])
    if page.planarconfig != _SEPARATE or page.samplesperpixel == 1:
        return assembled(
            lambda row, column: _decoded(file, page, row * n_across + column), tile, part
        )
    planes = [
        assembled(
            lambda row, column, first=channel * n_down * n_across: _decoded(  # type: ignore[misc]
                file, page, first + row * n_across + column
            ),
            tile,
            part,
        )
        for channel in channels
    ]
    return np.concatenate(planes, axis=2)


def _decoded(file: _File, page: Any, index: int) -> NDArray[Any]:
    """Decode a tile: (height, width, channels)."""
    n_bytes = page.databytecounts[index]
    data = file.bytes_at(page.dataoffsets[index], n_bytes) if n_bytes else None
    if data is not None and len(data) < n_bytes:
        raise ValueError("the file ends before it")
    tables = {}
    if int(page.compression) in _JPEG:
        tables = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader}
    values, _, shape = page.keyframe.decode(data, index, _fullsize=page.is_tiled, **tables)
    if values is None:
        # Tiles without anything in them are left out of sparse files.
        values = np.full(shape, page.nodata, page.dtype)
    result: NDArray[Any] = values[0]
    return result

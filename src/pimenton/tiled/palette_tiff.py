"""Tiled TIFF of palette indices, written block by block.

Tiles are deflated one by one and written in the order in which they come; directories follow at the
end, when it is known whether the file is so large that it must be a BigTIFF. Lower levels are
sub-directories of the first. A palette that is not opaque has the opacity of each pixel beside its
index, which a palette of TIFF cannot hold.
"""

import os
import struct
from collections.abc import Sequence
from functools import partial
from typing import Any

import deflate
import numpy as np
from numpy.typing import NDArray

from pimenton.palette import Palette
from pimenton.pixels import Indices
from pimenton.tiled.levels import Pyramid, Tag
from pimenton.tiled.writing import Encode

# Tiles begin behind room for either header.
_HEADER_BYTES = 16
# Directories of a file that is smaller than this end below the 4 GiB that offsets can reach.
_CLASSIC_BYTES = 2**32 - 2**26

_SHORT, _LONG, _RATIONAL, _SRATIONAL, _LONG8 = 3, 4, 5, 10, 16
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 16: "Q"}
_ORIENTATION, _SUB_IFDS = 274, 330


class TiffWriter:
    """A tiled TIFF that is being written.

    Parameters
    ----------
    path : str
        The file; what is in it beyond the tiles of a state is overwritten.
    shapes : sequence of (int, int)
        Height and width of each level.
    tile : int
        Side of a tile, a multiple of 16.
    palette : Palette
        The colors.
    source : Pyramid
        What the picture was, for the tags that it keeps.
    level : int
        Of compression, 1 to 12.
    state : dict of arrays, optional
        What ``state`` gave, to go on from there.
    """

    def __init__(
        self,
        path: str,
        shapes: Sequence[tuple[int, int]],
        tile: int,
        palette: Palette,
        source: Pyramid,
        *,
        level: int = 6,
        state: dict[str, NDArray[Any]] | None = None,
    ) -> None:
        self.shapes, self.tile, self.palette, self.tags = shapes, tile, palette, source.tags
        counts = [-(-height // tile) * -(-width // tile) for height, width in shapes]
        state = state or {}
        self.offsets, self.sizes = (
            [state.get(f"{name}-{i}", np.zeros(n, np.uint64)) for i, n in enumerate(counts)]
            for name in ("offsets", "sizes")
        )
        opacity = None if palette.is_opaque else palette.colors[:, 3].copy()
        self.encode: Encode = partial(_encoded, tile, level, opacity)
        self.end = int(state["end"]) if "end" in state else _HEADER_BYTES
        self.file = open(path, "r+b" if os.path.exists(path) else "w+b")  # noqa: SIM115 - closed by close
        self.file.truncate(self.end)
        self.file.seek(self.end)

    def write(self, level: int, y: int, x: int, rows: list[list[bytes]]) -> None:
        """Write the tiles of a block whose first pixel is at a row and a column."""
        n_across = -(-self.shapes[level][1] // self.tile)
        for row, tiles in enumerate(rows, start=y // self.tile):
            for column, data in enumerate(tiles, start=x // self.tile):
                place = row * n_across + column
                self.offsets[level][place], self.sizes[level][place] = self.end, len(data)
                self.file.write(data)
                self.end += len(data)

    def flush(self) -> None:
        """Hand what was written over to the system."""
        self.file.flush()

    def sync(self) -> None:
        """Wait until what was handed over is on the disk."""
        os.fsync(self.file.fileno())

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that going on later needs, besides the file."""
        places = {
            f"{name}-{i}": values.copy()
            for name, levels in (("offsets", self.offsets), ("sizes", self.sizes))
            for i, values in enumerate(levels)
        }
        return {**places, "end": np.array(self.end)}

    def close(self) -> None:
        """Close the file as it is."""
        self.file.close()

    def finish(self) -> None:
        """Write the directories, and the header that makes it a TIFF."""
        n_tiles = sum(len(sizes) for sizes in self.sizes)
        is_big = self.end + 16 * n_tiles > _CLASSIC_BYTES
        sub = [self._write_directory(level, (), is_big) for level in range(1, len(self.shapes))]
        first = self._write_directory(0, sub, is_big)
        self.file.seek(0)
        if is_big:
            self.file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, first))
        else:
            self.file.write(struct.pack("<2sHI", b"II", 42, first))
        self.flush()
        self.sync()
        self.close()

    def _write_directory(self, level: int, sub: Sequence[int], is_big: bool) -> int:
        height, width = self.shapes[level]
        offset_type = _LONG8 if is_big else _LONG
        n_samples = 1 if self.palette.is_opaque else 2
        colors = np.zeros((256, 3), np.uint16)
        colors[: len(self.palette)] = self.palette.colors[:, :3].astype(np.uint16) * 257
        tags = [
            Tag(254, _LONG, (int(level > 0),)),  # a level below the first is a reduced picture
            Tag(256, _LONG, (width,)),
            Tag(257, _LONG, (height,)),
            Tag(258, _SHORT, (8,) * n_samples),
            Tag(259, _SHORT, (8,)),  # deflate
            Tag(262, _SHORT, (3,)),  # a palette
            Tag(277, _SHORT, (n_samples,)),
            Tag(284, _SHORT, (1,)),
            Tag(320, _SHORT, tuple(colors.T.ravel().tolist())),
            Tag(322, _LONG, (self.tile,)),
            Tag(323, _LONG, (self.tile,)),
            Tag(324, offset_type, tuple(self.offsets[level].tolist())),
            Tag(325, _LONG, tuple(self.sizes[level].tolist())),
            *([Tag(_SUB_IFDS, offset_type, tuple(sub))] if sub else []),
            *([Tag(338, _SHORT, (2,))] if n_samples > 1 else []),
            *(self.tags if level == 0 else [tag for tag in self.tags if tag.code == _ORIENTATION]),
        ]
        return self._write_tags(sorted(tags, key=lambda tag: tag.code), is_big)

    def _write_tags(self, tags: list[Tag], is_big: bool) -> int:
        """Write the values that do not fit into a directory, then the directory."""
        room, word = (8, "Q") if is_big else (4, "I")
        entries = b""
        for tag in tags:
            count, data = _packed(tag)
            if len(data) > room:
                data = struct.pack("<" + word, self._append(data))
            entries += struct.pack("<HH" + word, tag.code, tag.type, count) + data.ljust(
                room, b"\0"
            )
        n_tags = struct.pack("<Q" if is_big else "<H", len(tags))
        return self._append(n_tags + entries + bytes(room))

    def _append(self, data: bytes) -> int:
        """Write behind all that there is, where words may lie; give the place."""
        place = self.end + -self.end % 8
        self.file.seek(place)
        self.file.write(data)
        self.end = place + len(data)
        return place


def _packed(tag: Tag) -> tuple[int, bytes]:
    """Give the number of a field's values, and the values."""
    if isinstance(tag.values, bytes):
        return len(tag.values), tag.values
    if tag.type in (_RATIONAL, _SRATIONAL):
        flat = [part for value in tag.values for part in value]
        return len(tag.values), struct.pack(f"<{len(flat)}{'I' if tag.type == 5 else 'i'}", *flat)
    return len(tag.values), struct.pack(f"<{len(tag.values)}{_FORMATS[tag.type]}", *tag.values)


def _encoded(
    tile: int, level: int, opacity: NDArray[np.uint8] | None, indices: Indices
) -> list[list[bytes]]:
    """Deflate the tiles of a block, row by row; those at the edges are filled up with zeros."""
    height, width = indices.shape
    indices = np.pad(indices, ((0, -height % tile), (0, -width % tile)))
    samples = indices if opacity is None else np.stack([indices, opacity[indices]], -1)
    return [
        [
            bytes(deflate.zlib_compress(samples[y : y + tile, x : x + tile].tobytes(), level))
            for x in range(0, indices.shape[1], tile)
        ]
        for y in range(0, indices.shape[0], tile)
    ]

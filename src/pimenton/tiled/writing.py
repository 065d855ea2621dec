"""What a result is written with, whatever its format."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from pimenton.palette import Palette
from pimenton.pixels import Indices
from pimenton.tiled.levels import Pyramid

TIFF_ENDINGS = (".tif", ".tiff", ".btf", ".tf8")
ZARR_ENDING = ".zarr"

# Levels of libdeflate by effort. On photographs 6 takes 1.6 times as long as 4 for 2 % less.
_LEVELS = {"fast": 1, "balanced": 4, "best": 12}

# Makes of indices (height, width) what a file stores; runs where the block is drawn.
Encode: TypeAlias = Callable[[Indices], Any]


class Writer(Protocol):
    """A file of indices that is being written, block by block."""

    @property
    def encode(self) -> Encode:
        """What makes of a block what is written."""
        ...

    def write(self, level: int, y: int, x: int, encoded: Any, /) -> None:
        """Write an encoded block whose first pixel is at a row and a column of a level."""

    def flush(self) -> None:
        """Hand what was written over to the system."""

    def sync(self) -> None:
        """Wait until what was handed over is on the disk."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that going on later needs, besides the file."""
        ...

    def finish(self) -> None:
        """Write what comes last, and close."""

    def close(self) -> None:
        """Close the file as it is."""


def require_ending(target: Path) -> None:
    """Refuse a name that says no format.

    Raises
    ------
    ValueError
        If its ending is unknown.
    """
    endings = (*TIFF_ENDINGS, ZARR_ENDING)
    if target.suffix.lower() not in endings:
        raise ValueError(f"{target}: the name must end in {', '.join(endings)}")


def open_writer(
    target: Path,
    path: str,
    shapes: Sequence[tuple[int, int]],
    tile: int,
    palette: Palette,
    source: Pyramid,
    *,
    effort: str,
    state: dict[str, NDArray[Any]],
) -> Writer:
    """Begin or go on to write a result.

    Parameters
    ----------
    target : Path
        Its name, whose ending says the format.
    path : str
        Where it is written for the time being.
    shapes : sequence of (int, int)
        Height and width of each level.
    tile : int
        Side of its tiles.
    palette : Palette
        The colors.
    source : Pyramid
        What it is made of.
    effort : str
        How long to look for fewer bytes.
    state : dict of arrays
        What a writer gave that was broken off, if there was one.
    """
    if target.suffix.lower() == ZARR_ENDING:
        from pimenton.tiled.zarr import ZarrWriter

        return ZarrWriter(path, shapes, tile, palette, source)
    from pimenton.tiled.palette_tiff import TiffWriter

    level = _LEVELS[effort]
    return TiffWriter(path, shapes, tile, palette, source, level=level, state=state)


def size_of(path: str | os.PathLike[str]) -> int | None:
    """Give the size of a file, or of all in a folder; None for a URL."""
    name = os.fspath(path)
    if "://" in name:
        return None
    if not os.path.isdir(name):
        return os.path.getsize(name)
    return sum(file.stat().st_size for file in Path(name).rglob("*") if file.is_file())

"""Blocks drawn with a palette, each by itself or after the bands above it."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimenton import _native
from pimenton.bands import BandedDiffusion
from pimenton.diffusion import DIFFUSIONS
from pimenton.dithering import remap
from pimenton.histogram import Histogram
from pimenton.lookup import Lookup
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels, Points
from pimenton.tiled.blocks import Block, Call, in_order
from pimenton.tiled.levels import Level, Reader
from pimenton.tiled.writing import Encode


@dataclass(frozen=True, eq=False)
class Drawing:
    """How pixels become indices.

    Attributes
    ----------
    palette : Palette
        The colors.
    space : str
        A key of ``SPACES``.
    dither : str
        A key of ``DITHERS`` but "auto".
    strength : float
        How much of it, 0 to 1.
    """

    palette: Palette
    space: str
    dither: str
    strength: float

    @property
    def goes_down(self) -> bool:
        """Whether a band needs the errors of the one above."""
        return self.dither in DIFFUSIONS

    def indices(self, pixels: Pixels) -> Indices:
        """Draw a block that needs no other; blue noise begins anew every 64 pixels."""
        if self.dither == "none":
            return Lookup.of(self.palette, self.space).indices(pixels)
        image = remap(
            pixels,
            self.palette,
            space=self.space,
            dither=self.dither,
            strength=self.strength,
            n_threads=1,
        )
        return image.indices

    def diffusion(self, width: int) -> BandedDiffusion:
        """Prepare to diffuse a picture of so many columns."""
        return BandedDiffusion(width, self.palette, self.space, self.dither, self.strength)


def count_block(read: Reader, block: Block) -> Histogram:
    """Count the colors of a block."""
    return Histogram.of(read(*block), n_threads=1)


def draw_block(
    read: Reader, block: Block, drawing: Drawing, encode: Encode, halves: bool
) -> tuple[Any, Pixels | None]:
    """Draw and encode a block; give it in half the size too, if that is wanted."""
    pixels = read(*block)
    return finish_block(drawing.indices(pixels), pixels if halves else None, encode)


def finish_block(
    indices: Indices, pixels: Pixels | None, encode: Encode
) -> tuple[Any, Pixels | None]:
    """Encode a block that has been drawn, and halve its pixels if there are any."""
    half = None if pixels is None else _native.halve_pixels(np.ascontiguousarray(pixels))
    return encode(indices), half


def block_calls(
    level: Level, blocks: list[Block], drawing: Drawing, encode: Encode, halves: bool
) -> Iterator[Call]:
    """Yield the calls that draw a level's blocks in any order."""
    for block in blocks:
        yield draw_block, (level.read, block, drawing, encode, halves)


class Bands:
    """A level that is diffused from its top to its bottom.

    Parameters
    ----------
    level : Level
        The picture.
    rows : list of list of Block
        Its blocks; a row of them is a band.
    drawing : Drawing
        How.
    executor : Executor
        Where bands are read ahead.
    first : int, optional
        The band to begin with.
    errors : (n, 4) float32, optional
        Those that were passed to it.
    """

    def __init__(
        self,
        level: Level,
        rows: list[list[Block]],
        drawing: Drawing,
        executor: Executor,
        *,
        first: int = 0,
        errors: Points | None = None,
    ) -> None:
        self.level, self.rows, self.executor, self.first = level, rows, executor, first
        self.diffusion = drawing.diffusion(level.width)
        if errors is not None:
            self.diffusion.go_on_at(rows[first][0].y, errors)
        # What each band has passed on, for a run that goes on after it.
        self.errors: dict[int, Points] = {}

    def calls(self, encode: Encode, halves: bool) -> Iterator[Call]:
        """Yield the calls that finish the blocks, in order."""
        for i, pixels, indices in self._drawn():
            for block in self.rows[i]:
                here = slice(block.x, block.x + block.width)
                part = pixels[:, here] if halves else None
                yield finish_block, (indices[:, here], part, encode)

    def _drawn(self) -> Iterator[tuple[int, Pixels, Indices]]:
        """Yield each band's number, pixels and indices."""
        rest = self.rows[self.first :]
        heights = [(row[0].y, row[0].height) for row in rest]
        width = self.level.width
        reads = ((self.level.read, (y, 0, height, width)) for y, height in heights)
        y = heights[0][0]
        above = self.level.read(y - 1, 0, 1, width)[0] if y else None
        with closing(in_order(self.executor, reads, 1)) as bands:
            band = next(bands)
            for i in range(self.first, len(self.rows)):
                following = next(bands, None)
                below = None if following is None else following[0]
                indices = self.diffusion.draw(band, above=above, below=below)
                self.errors[i] = self.diffusion.errors()
                self.errors.pop(i - 3, None)
                yield i, band, indices
                above, band = band[-1].copy(), following

"""Pictures larger than memory: read, quantized and written tile by tile.

Two passes over the picture: the histograms of its blocks add up to the histogram of the whole, the
palette is found from that once, and then each block is drawn and written. In memory are some
blocks, tables of all opaque colors, and at most four million colors to be clustered; but for bands
of error diffusion nothing grows with the picture. The result is that of the whole picture, bit for
bit, dithered or not.
"""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimenton.dithering import sample_of, worthy_strength
from pimenton.fitting import is_exact, palette_of
from pimenton.histogram import Histogram
from pimenton.many import lasting
from pimenton.options import Options
from pimenton.palette import Palette
from pimenton.pixels import thread_count
from pimenton.still import Progress
from pimenton.tally import Tally
from pimenton.tiled import Level, Pyramid, View, close_sources, open_pyramid
from pimenton.tiled.blocks import Block, Call, block_sides, blocks_of, in_order
from pimenton.tiled.drawing import Bands, Drawing, block_calls, count_block
from pimenton.tiled.levels import raw_level, shapes_of, write_raw
from pimenton.tiled.record import Record
from pimenton.tiled.writing import Encode, Writer, open_writer, require_ending, size_of

# Side of the tiles that are written.
TILE = 512
_MOST_TILE = 4096
# Dots of blue noise begin anew so often, so blocks do too.
_TILE_UNIT = 64

# What has been counted is large, so it is noted so many times less often.
_COUNT_PAUSE = 6

# Choices that look at a picture as a whole, or at more than one.
_WHOLE = ("quality", "max_bytes", "best_possible", "lossless", "parse", "accents", "frame_palettes")


@dataclass(frozen=True, eq=False)
class TilesReport:
    """Figures of a picture written in tiles.

    Attributes
    ----------
    width, height : int
        Pixels of the first level.
    n_levels : int
        Levels of the pyramid.
    palette : Palette
        The colors.
    input_bytes : int or None
        Size of the source; None for a URL.
    output_bytes : int
        Size of the result.
    resumed : bool
        Whether an unfinished run was taken up.
    elapsed_seconds : float
        Of this run.
    """

    width: int
    height: int
    n_levels: int
    palette: Palette
    input_bytes: int | None
    output_bytes: int
    resumed: bool
    elapsed_seconds: float


def compress_tiles(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    options: Options | None = None,
    *,
    view: View | None = None,
    n_levels: int | None = None,
    tile: int = TILE,
    executor: Executor | None = None,
    n_waiting: int | None = None,
    n_threads: int | None = None,
    progress: Progress | None = None,
    **choices: Any,
) -> TilesReport:
    """Bring a picture in tiles down to few colors, in memory that does not grow with it.

    A run that is broken off leaves a folder beside the target, ``NAME.partial``; the same call goes
    on from there.

    Parameters
    ----------
    source : path
        A TIFF, BigTIFF, Zarr or OME-Zarr; the latter may be a URL.
    target : path
        ``.tif``, ``.tiff``, ``.btf`` or ``.tf8`` for a tiled TIFF with a palette, a BigTIFF if it
        is large, with lower levels as sub-directories; ``.zarr`` for an OME-Zarr whose image label
        has the colors. Replaced if it exists.
    options : Options, optional
        All choices at once: number of colors or a palette, space, dithering, effort, seed.
    view : View, optional
        Page, channels, range of values and region.
    n_levels : int, optional
        Levels to write, 0 for all down to one tile; by default as many as the source has. Those
        that it has not are made by halving. Of a region all but the first are made.
    tile : int, optional
        Side of the tiles to write, a multiple of 64.
    executor : Executor, optional
        Where blocks are worked on, for example a cluster's; by default threads here.
    n_waiting : int, optional
        Blocks that are handed over at a time, by default two a thread and two.
    n_threads : int, optional
        Threads to use here, by default one a core; they change no bit.
    progress : callable, optional
        Called with a stage (counting, clustering or drawing) and how much of it is done, 0 to 1.
    **choices
        Fields of ``Options``, in place of those in ``options``.

    Returns
    -------
    TilesReport

    Raises
    ------
    UnreadableImage
        If the source is none of these, or damaged.
    ValueError, TypeError
        If a choice is wrong or not for pictures in tiles, or the target's ending is unknown.
    OSError
        If a file cannot be opened or written.
    """
    started = time.perf_counter()
    options = _checked(Options.of(options, **choices), Path(target), tile, n_levels)
    view = view or View()
    n_threads = thread_count(n_threads)
    if executor is not None:
        executor = lasting(executor)
    own = ThreadPoolExecutor(n_threads)
    try:
        pyramid = open_pyramid(source, view)
        shapes = shapes_of(pyramid, n_levels, tile)
        record = Record(Path(target), _key(source, view, options, tile, shapes))
        resumed = bool(record.values)
        work = _Work(
            pyramid, shapes, options, tile, record, executor or own, own,
            n_waiting or 2 * n_threads + 2, n_threads, progress or (lambda stage, share: None),
        )  # fmt: skip
        try:
            palette = work.run()
        finally:
            record.close()
    finally:
        own.shutdown(cancel_futures=True)
        close_sources()
    height, width = shapes[0]
    return TilesReport(
        width, height, len(shapes), palette, size_of(source), size_of(target) or 0, resumed,
        time.perf_counter() - started,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Work:
    """A picture on its way from source to target."""

    pyramid: Pyramid
    shapes: list[tuple[int, int]]
    options: Options
    tile: int
    record: Record
    executor: Executor
    own: Executor
    n_waiting: int
    n_threads: int
    progress: Progress

    def run(self) -> Palette:
        """Do what is left to be done."""
        if "palette" not in self.record.values:
            self._find_palette()
        drawing = self._drawing
        writer = open_writer(
            self.record.target, self.record.unfinished, self.shapes, self.tile, drawing.palette,
            self.pyramid, effort=self.options.effort, state=self.record.values,
        )  # fmt: skip
        try:
            for level in range(int(self.record.values["level"]), len(self.shapes)):
                self._draw_level(writer, level)
            writer.finish()
        finally:
            writer.close()
        self.record.finish()
        return drawing.palette

    def _find_palette(self) -> None:
        options = self.options
        histogram = self._count()
        self.progress("clustering", 0.0)
        palette = palette_of(histogram, options, n_threads=self.n_threads)
        dither, strength = options.dither, options.dither_strength
        if is_exact(histogram, options):
            dither = "none"
        elif dither == "auto":
            strength = self._worthy_strength(palette)
            dither = "sierra" if strength > 0 else "none"
        self.progress("clustering", 1.0)
        how = {"dither": np.array(dither), "strength": np.array(strength)}
        self.record.write({"palette": palette.colors, **how, **_at(0, 0)})

    def _count(self) -> Histogram:
        """Add up the histograms of all blocks."""
        level, tally, first = self.pyramid.levels[0], Tally(), 0
        if "opaque" in self.record.values:
            first = int(self.record.values["done"])
            tally.restore(self.record.values)
            self.record.values = {}
        blocks = self._blocks(level, level.height, level.width)
        calls: Iterator[Call] = ((count_block, (level.read, block)) for block in blocks[first:])
        with closing(in_order(self.executor, calls, self.n_waiting)) as parts:
            for done, part in enumerate(parts, first + 1):
                tally.add(part)
                if self.record.is_due(_COUNT_PAUSE):
                    self.record.write({**tally.state(), "done": np.array(done)})
                    # The table is large, and only a run to come looks at it again.
                    self.record.values = {}
                self.progress("counting", done / len(blocks))
        return tally.histogram()

    def _worthy_strength(self, palette: Palette) -> float:
        level, options = self.pyramid.levels[0], self.options
        sample = sample_of(level.read, level.height, level.width)
        return worthy_strength(
            sample, Histogram.of(sample, n_threads=self.n_threads), palette, options.space,
            options.dither_strength, self.n_threads,
        )  # fmt: skip

    @cached_property
    def _drawing(self) -> Drawing:
        values = self.record.values
        palette = Palette(values["palette"].copy())
        dither, strength = str(values["dither"]), float(values["strength"])
        return Drawing(palette, self.options.space, dither, strength)

    def _draw_level(self, writer: Writer, number: int) -> None:
        """Draw what is left of a level, and what the next one is made of."""
        level, record = self._level(number), self.record
        sides = block_sides(level, self.tile)
        rows = blocks_of(level.height, level.width, sides)
        first = int(record.values["done"]) if int(record.values["level"]) == number else 0
        halves = len(self.pyramid.levels) <= number + 1 < len(self.shapes)
        calls, bands = self._calls(level, rows, first, writer.encode, halves)
        blocks = [block for row in rows for block in row]
        half_tile = sides[0] // 2, sides[1] // 2
        with closing(in_order(self.executor, calls, self.n_waiting)) as drawn:
            for done, (encoded, half) in enumerate(drawn, first + 1):
                block = blocks[done - 1]
                writer.write(number, block.y, block.x, encoded)
                if half is not None:
                    path, width = self._raw(number + 1), self.shapes[number + 1][1]
                    write_raw(path, width, half_tile, block.y // 2, block.x // 2, half)
                if record.is_due():
                    self._note(writer, number, done, len(rows[0]), bands)
                self.progress("drawing", self._share(number, done / len(blocks)))
        writer.flush()
        record.write({**self._known, **writer.state(), **_at(number + 1, 0)}, writer.sync)
        record.wait()
        Path(self._raw(number)).unlink(missing_ok=True)

    def _calls(
        self, level: Level, rows: list[list[Block]], first: int, encode: Encode, halves: bool
    ) -> tuple[Iterator[Call], Bands | None]:
        drawing = self._drawing
        if not drawing.goes_down:
            blocks = [block for row in rows for block in row]
            return block_calls(level, blocks[first:], drawing, encode, halves), None
        errors = self.record.values["errors"] if first else None
        bands = Bands(level, rows, drawing, self.own, first=first // len(rows[0]), errors=errors)
        return bands.calls(encode, halves), bands

    def _note(
        self, writer: Writer, number: int, done: int, n_across: int, bands: Bands | None
    ) -> None:
        """Write down how far the level has come; between bands, if there are any."""
        errors = {}
        if bands is not None:
            if done % n_across:
                return
            errors["errors"] = bands.errors[done // n_across - 1]
        writer.flush()
        self.record.write(
            {**self._known, **writer.state(), **errors, **_at(number, done)}, writer.sync
        )

    @property
    def _known(self) -> dict[str, NDArray[Any]]:
        return {name: self.record.values[name] for name in ("palette", "dither", "strength")}

    def _level(self, number: int) -> Level:
        own = self.pyramid.levels
        if number < len(own):
            return own[number]
        height, width = self.shapes[number]
        before = block_sides(self._level(number - 1), self.tile)
        return raw_level(self._raw(number), height, width, (before[0] // 2, before[1] // 2))

    def _raw(self, number: int) -> str:
        return self.record.path(f"level-{number}.raw")

    def _blocks(self, level: Level, height: int, width: int) -> list[Block]:
        rows = blocks_of(height, width, block_sides(level, self.tile))
        return [block for row in rows for block in row]

    def _share(self, number: int, share: float) -> float:
        """Give how much of all levels is drawn."""
        areas = [height * width for height, width in self.shapes]
        return (sum(areas[:number]) + areas[number] * share) / sum(areas)


def _at(level: int, done: int) -> dict[str, NDArray[Any]]:
    return {"level": np.array(level), "done": np.array(done)}


def _checked(options: Options, target: Path, tile: int, n_levels: int | None) -> Options:
    defaults = {field.name: field.default for field in fields(Options)}
    for name in _WHOLE:
        if getattr(options, name) != defaults[name]:
            raise ValueError(f"{name} is not for pictures in tiles")
    if tile % _TILE_UNIT or not _TILE_UNIT <= tile <= _MOST_TILE:
        raise ValueError(f"tile must be a multiple of 64 up to {_MOST_TILE}; got {tile}")
    if n_levels is not None and n_levels < 0:
        raise ValueError(f"n_levels must be at least 0; got {n_levels}")
    require_ending(target)
    return replace(options, n_colors=options.palette_size)


def _key(
    source: str | os.PathLike[str],
    view: View,
    options: Options,
    tile: int,
    shapes: list[tuple[int, int]],
) -> str:
    """Say all that decides the bytes of a result."""
    from pimenton import __version__

    name = os.fspath(source)
    if "://" not in name:
        facts = os.stat(name)
        name = f"{os.path.abspath(name)} {facts.st_size} {facts.st_mtime_ns}"
    return json.dumps([__version__, name, asdict(view), options.to_dict(), tile, shapes])

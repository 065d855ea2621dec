"""``pimenton tiles``: pictures larger than memory."""

import argparse
import sys
import time
from pathlib import Path

from pimenton.cli.answers import complain, refuse_existing, size_text
from pimenton.cli.flags import add_force, add_options
from pimenton.cli.progress import clock
from pimenton.errors import UnreadableImage, one_line, printable
from pimenton.options import Options
from pimenton.tiled.levels import View
from pimenton.tiles import TILE, TilesReport, compress_tiles

# Options that a picture in tiles can have.
_OPTIONS = (
    *("n_colors", "palette", "lock", "depth", "space", "dither", "dither_strength"),
    *("effort", "seed"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("input", metavar="IN", help="TIFF, BigTIFF, Zarr or OME-Zarr.")
    parser.add_argument("output", type=Path, metavar="OUT", help="Tiled .tif, or .zarr.")
    add_options(parser, only=_OPTIONS, n_colors=256)
    parser.add_argument(
        "--region", type=_numbers, metavar="X,Y,W,H", help="Part to take.  [default: all]"
    )
    parser.add_argument(
        "--page", type=int, default=0, metavar="N", help="Which picture, from 0.  [default: 0]"
    )
    parser.add_argument(
        "--channels",
        type=_numbers,
        metavar="N,...",
        help="Gray, or red, green, blue, from 0.  [default: the file's]",
    )
    parser.add_argument(
        "--range",
        type=_range,
        metavar="LOW,HIGH",
        help="Values of black and white.  [default: the type's]",
    )
    parser.add_argument(
        "--levels",
        type=int,
        metavar="N",
        help="Levels, 0 down to one tile.  [default: the file's]",
    )
    parser.add_argument(
        "--tile", type=int, default=TILE, metavar="N", help=f"Side of a tile.  [default: {TILE}]"
    )
    add_force(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="Print errors alone.")


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Quantize the picture; what was broken off goes on."""
    try:
        refuse_existing(chosen.output, force=chosen.force)
        view = View(chosen.page, chosen.channels, chosen.range, chosen.region)
        shown = Shown(wanted=not chosen.quiet)
        try:
            report = compress_tiles(
                chosen.input,
                chosen.output,
                options,
                view=view,
                n_levels=chosen.levels,
                tile=chosen.tile,
                n_threads=chosen.threads,
                progress=shown.tell,
            )
        finally:
            shown.clear()
    except (UnreadableImage, ValueError, OSError) as error:
        return complain(one_line(error))
    if not chosen.quiet:
        print(_line(chosen.output, report))
    return 0


class Shown:
    """A line on the terminal: the stage, how much of it is done, and how long the rest takes.

    Parameters
    ----------
    wanted : bool
        Whether it is wanted; where standard error is no terminal there is none.
    """

    def __init__(self, *, wanted: bool) -> None:
        self.wanted = wanted and sys.stderr.isatty()
        self.stage, self.began, self.first, self.drawn = "", 0.0, 0.0, 0.0

    def tell(self, stage: str, share: float) -> None:
        """Show how much of a stage is done."""
        if not self.wanted:
            return
        now = time.monotonic()
        if stage != self.stage:
            # A run that goes on has not done the first share itself.
            self.stage, self.began, self.first = stage, now, share
        elif now - self.drawn < 0.1:
            return
        self.drawn = now
        done = share - self.first
        left = f"  {clock((now - self.began) * (1 - share) / done)} left" if done > 0.001 else ""
        sys.stderr.write(f"\r{stage} {100 * share:3.0f} %{left}\x1b[K")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self.wanted:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _line(output: Path, report: TilesReport) -> str:
    levels = f", {report.n_levels} levels" if report.n_levels > 1 else ""
    megapixels = report.width * report.height / 1e6
    speed = "" if report.resumed else f", {megapixels / report.elapsed_seconds:.3g} megapixels/s"
    before = "" if report.input_bytes is None else f"{size_text(report.input_bytes)} -> "
    return (
        f"{printable(output)}: {report.width} x {report.height}{levels}, "
        f"{before}{size_text(report.output_bytes)}, {len(report.palette)} colors, "
        f"{report.elapsed_seconds:.1f} s{speed}"
    )


def _numbers(word: str) -> tuple[int, ...]:
    return tuple(int(part) for part in word.split(","))


def _range(word: str) -> tuple[float, ...]:
    return tuple(float(part) for part in word.split(","))


_numbers.__name__, _range.__name__ = "list of whole numbers", "pair of numbers"

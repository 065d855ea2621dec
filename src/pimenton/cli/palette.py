"""``pimenton palette``: the colors of a picture, listed or in a file."""

import argparse
import sys
from pathlib import Path

from pimenton.batch import FAILURES
from pimenton.cli.answers import complain, refuse_existing
from pimenton.cli.flags import add_force, add_options
from pimenton.errors import one_line
from pimenton.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("input", type=Path, metavar="IN", help="Picture to read.")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="Palette file to write.")
    add_options(parser, n_colors=16)
    add_force(parser)


def run(chosen: argparse.Namespace, options: Options) -> int:
    """List the palette with each color's share, or write it."""
    from pimenton.pipeline import quantize

    try:
        image = quantize(chosen.input, options, n_threads=chosen.threads)
        if chosen.output:
            refuse_existing(chosen.output, force=chosen.force)
            from pimenton.swatches import write_palette

            write_palette(image.palette, chosen.output, counts=image.counts.tolist())
            return 0
    except FAILURES as error:
        return complain(one_line(error))
    n_pixels = image.indices.size
    for color, name, count in zip(
        image.palette.colors, image.palette.hex, image.counts, strict=True
    ):
        block = "\x1b[48;2;{};{};{}m    \x1b[0m ".format(*color[:3]) if sys.stdout.isatty() else ""
        print(f"{block}{name}  {100 * count / n_pixels:6.2f} %")
    return 0

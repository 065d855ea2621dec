"""``pimenton palette``: the colors of a picture, listed or in a file."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from pimenton.batch import FAILURES
from pimenton.cli.answers import complain, refuse_existing
from pimenton.cli.flags import add_force, add_options
from pimenton.errors import one_line
from pimenton.indexed import IndexedImage
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
    print("\n".join(_lines(image)))
    return 0


def _lines(image: IndexedImage) -> Iterable[str]:
    from pimenton.terminal import bars, shows_colors

    if shows_colors(sys.stdout):
        return bars(image)
    shares = 100 * image.counts / image.indices.size
    names = image.palette.hex
    return (f"{name}  {share:6.2f} %" for name, share in zip(names, shares, strict=True))

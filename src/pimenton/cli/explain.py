"""``pimenton explain``: a page that tells K-means on a picture."""

import argparse
from pathlib import Path

from pimenton.batch import FAILURES
from pimenton.cli.answers import USAGE, complain
from pimenton.cli.flags import add_force, add_lang, add_options
from pimenton.cli.pages import language_of, read_picture, write_page
from pimenton.errors import one_line
from pimenton.explain import MAX_COLORS, explain_page
from pimenton.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("input", type=Path, metavar="IN", help="Picture to read.")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="PAGE", help="Page to write.  [default: NAME.html]"
    )
    add_options(parser, only=("n_colors", "seed"), n_colors=8)
    add_lang(parser)
    add_force(parser)


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Write the page."""
    if options.palette_size > MAX_COLORS:
        n_colors = options.palette_size
        return complain(f"explain takes 1 to {MAX_COLORS} colors; got {n_colors}", USAGE)
    try:
        page = explain_page(
            read_picture(chosen.input),
            n_colors=options.palette_size,
            seed=options.seed,
            lang=language_of(chosen),
            n_threads=chosen.threads,
        )
        piped = str(chosen.input) == "-"
        beside = chosen.input if piped else chosen.input.with_suffix(".html")
        write_page(page, chosen.output or beside, force=chosen.force)
    except FAILURES as error:
        return complain(one_line(error))
    return 0

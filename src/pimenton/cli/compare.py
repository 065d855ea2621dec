"""``pimenton compare``: how far results are from their original."""

import argparse
import json
from pathlib import Path

from pimenton.batch import FAILURES
from pimenton.cli.answers import complain
from pimenton.cli.flags import add_force, add_lang
from pimenton.cli.pages import language_of, read_picture, write_page
from pimenton.errors import one_line
from pimenton.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="Picture before.")
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULT", help="Pictures after.")
    parser.add_argument("-o", "--output", type=Path, metavar="PAGE", help="Page to write.")
    add_lang(parser)
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="Print one JSON object a result.")


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Measure the results, and write a page with all where it is asked for."""
    from pimenton.compare import check_sizes, compare_page
    from pimenton.quality import measure_pixels

    try:
        original, *results = map(read_picture, (chosen.original, *chosen.results))
        check_sizes(original, results)
        if chosen.output:
            page = compare_page(original, results, lang=language_of(chosen))
            write_page(page, chosen.output, force=chosen.force)
            if str(chosen.output) == "-":
                return 0
        for path, result in zip(chosen.results, results, strict=True):
            quality = measure_pixels(original.pixels, result.pixels)
            sizes = [len(picture.data or b"") for picture in (original, result)]
            figures = {
                "original": str(chosen.original),
                "result": str(path),
                "original_bytes": sizes[0],
                "result_bytes": sizes[1],
                **quality.to_dict(),
            }
            line = (
                f"{path}: {sizes[1] / sizes[0]:.1%} of the bytes, "
                f"SSIMULACRA2 {quality.ssimulacra2:.1f}, PSNR {quality.psnr:.2f} dB"
            )
            print(json.dumps(figures) if chosen.json else line)
    except FAILURES as failure:
        return complain(one_line(failure))
    return 0

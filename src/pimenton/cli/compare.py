"""``pimenton compare``: how far a result is from its original."""

import argparse
import json
from pathlib import Path

from pimenton.batch import FAILURES
from pimenton.cli.answers import complain, refuse_existing
from pimenton.cli.flags import add_force
from pimenton.errors import one_line
from pimenton.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="Picture before.")
    parser.add_argument("result", type=Path, metavar="RESULT", help="Picture after.")
    parser.add_argument("-o", "--output", type=Path, metavar="PAGE", help="Page to write.")
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="Print the figures as JSON.")


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Measure the result, and write a page with both where it is asked for."""
    from pimenton.compare import compare_page
    from pimenton.formats import write_atomically
    from pimenton.page import Picture
    from pimenton.quality import measure_pixels

    try:
        original, result = Picture.read(chosen.original), Picture.read(chosen.result)
        page = compare_page(original, [result])
        if chosen.output:
            refuse_existing(chosen.output, force=chosen.force)
            write_atomically(chosen.output, page.encode())
        quality = measure_pixels(original.pixels, result.pixels)
    except FAILURES as failure:
        return complain(one_line(failure))
    sizes = [path.stat().st_size for path in (chosen.original, chosen.result)]
    if chosen.json:
        figures = {
            "original": str(chosen.original),
            "result": str(chosen.result),
            "original_bytes": sizes[0],
            "result_bytes": sizes[1],
            **quality.to_dict(),
        }
        print(json.dumps(figures))
    else:
        print(
            f"{chosen.result}: {sizes[1] / sizes[0]:.1%} of the bytes, "
            f"SSIMULACRA2 {quality.ssimulacra2:.1f}, PSNR {quality.psnr:.2f} dB"
        )
    return 0

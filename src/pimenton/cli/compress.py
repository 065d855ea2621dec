"""``pimenton compress``: pictures made small."""

import argparse
import json
from pathlib import Path

from pimenton.batch import Outcome, compress_file
from pimenton.cli.answers import FAILURES, USAGE, complain, refuse_existing, said
from pimenton.cli.flags import add_force, add_options
from pimenton.options import Options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="Pictures to read.")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="File to write.  [default: NAME.min.png]"
    )
    add_options(parser)
    add_force(parser)
    parser.add_argument(
        "--allow-larger", action="store_true", help="Write a result larger than its input."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object a picture.")
    parser.add_argument(
        "--report", type=Path, metavar="PAGE", help="Write a page with both pictures."
    )


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Compress each input; one that fails is said and the others go on."""
    if len(chosen.inputs) > 1 and (chosen.output or chosen.report):
        return complain("--output and --report take one input", USAGE)
    status = 0
    for source in chosen.inputs:
        try:
            if chosen.report:
                refuse_existing(chosen.report, force=chosen.force)
            outcome = compress_file(
                source,
                chosen.output,
                options,
                force=chosen.force,
                allow_larger=chosen.allow_larger,
                n_threads=chosen.threads,
            )
            if chosen.report:
                _write_report(outcome, chosen.report)
        except FAILURES as error:
            status = complain(said(error))
            continue
        print(json.dumps(outcome.to_dict()) if chosen.json else _line(outcome))
    return status


def _write_report(outcome: Outcome, path: Path) -> None:
    from pimenton.compare import compare_page
    from pimenton.formats import write_atomically
    from pimenton.page import Picture

    result = Picture.of(outcome.target.name, outcome.result)
    write_atomically(path, compare_page(Picture.read(outcome.source), [result]).encode())


def _line(outcome: Outcome) -> str:
    report = outcome.result.report
    assert report.input_bytes is not None
    sizes = f"{_size(report.input_bytes)} -> {_size(report.output_bytes)}"
    change = f"{100 * (report.output_bytes / report.input_bytes - 1):+.1f} %"
    figures = f"{report.n_colors} colors, PSNR {report.psnr:.2f} dB"
    name = outcome.target if outcome.written else f"{outcome.source}: {outcome.kept}"
    return f"{name}: {sizes} ({change}), {figures}, {report.elapsed_seconds:.2f} s"


def _size(n_bytes: int) -> str:
    return f"{n_bytes} B" if n_bytes < 1000 else f"{n_bytes / 1000:.1f} kB"

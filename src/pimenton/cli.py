"""The command line."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pimenton.batch import Outcome, compress_file
from pimenton.errors import QualityNotReached, UnreadableImage
from pimenton.options import Options

FAILED = 1
USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status: 0 done, 1 some input failed, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    if words and words[0] not in (*COMMANDS, "-h", "--help", "--version"):
        words.insert(0, "compress")
    if not words:
        parser.print_help(sys.stderr)
        return USAGE
    chosen = parser.parse_args(words)
    try:
        options = Options(
            **{
                f.name: getattr(chosen, f.name)
                for f in dataclasses.fields(Options)
                if hasattr(chosen, f.name)
            }
        )
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    try:
        return COMMANDS[chosen.command](chosen, options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be told.
        sys.stderr.close()
        return FAILED


def _parser() -> argparse.ArgumentParser:
    from pimenton import __version__

    parser = argparse.ArgumentParser(
        prog="pimenton",
        description="Make small pictures with few colors.",
        epilog="`pimenton IN` is short for `pimenton compress IN`.",
    )
    parser.add_argument("--version", action="version", version=f"pimenton {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_compress(commands)
    _add_palette(commands)
    _add_compare(commands)
    return parser


def _add_options(parser: argparse.ArgumentParser, **defaults: Any) -> None:
    for field in dataclasses.fields(Options):
        rules = field.metadata
        default = defaults.get(field.name, field.default)
        parser.add_argument(
            *rules["flags"],
            dest=field.name,
            type=type(field.default),
            choices=rules["choices"],
            default=default,
            metavar=None if rules["choices"] else "N",
            help=f"{rules['help']}  [default: {default}]",
        )
    parser.add_argument("--threads", type=int, metavar="N", help="Threads.  [default: all cores]")


def _add_compress(commands: Any) -> None:
    parser = commands.add_parser("compress", help="Compress pictures.")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="Pictures to read.")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="File to write.  [default: NAME.min.png]"
    )
    _add_options(parser)
    parser.add_argument("--force", action="store_true", help="Replace an existing output.")
    parser.add_argument(
        "--allow-larger", action="store_true", help="Write a result larger than its input."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object a picture.")
    parser.add_argument(
        "--report", type=Path, metavar="PAGE", help="Write a page with both pictures."
    )


def _add_palette(commands: Any) -> None:
    parser = commands.add_parser("palette", help="Show or write the palette of a picture.")
    parser.add_argument("input", type=Path, metavar="IN", help="Picture to read.")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="Palette file to write.")
    _add_options(parser, n_colors=16)
    parser.add_argument("--force", action="store_true", help="Replace an existing output.")


def _add_compare(commands: Any) -> None:
    parser = commands.add_parser("compare", help="Compare a result with its original.")
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="Picture before.")
    parser.add_argument("result", type=Path, metavar="RESULT", help="Picture after.")
    parser.add_argument("-o", "--output", type=Path, metavar="PAGE", help="Page to write.")
    parser.add_argument("--force", action="store_true", help="Replace an existing output.")
    parser.add_argument("--json", action="store_true", help="Print the figures as JSON.")


def _compress(chosen: argparse.Namespace, options: Options) -> int:
    if len(chosen.inputs) > 1 and (chosen.output or chosen.report):
        return _complain("--output and --report take one input", USAGE)
    status = 0
    for source in chosen.inputs:
        try:
            if chosen.report:
                _refuse_existing(chosen.report, force=chosen.force)
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
        except (UnreadableImage, QualityNotReached, OSError, ValueError) as error:
            status = _complain(_said(error))
            continue
        print(json.dumps(outcome.to_dict()) if chosen.json else _line(outcome))
    return status


def _palette(chosen: argparse.Namespace, options: Options) -> int:
    from pimenton.pipeline import quantize

    try:
        image = quantize(chosen.input, options, n_threads=chosen.threads)
        if chosen.output:
            _refuse_existing(chosen.output, force=chosen.force)
            from pimenton.swatches import write_palette

            write_palette(image.palette, chosen.output, counts=image.counts.tolist())
            return 0
    except (UnreadableImage, OSError, ValueError) as error:
        return _complain(_said(error))
    n_pixels = image.indices.size
    for color, name, count in zip(
        image.palette.colors, image.palette.hex, image.counts, strict=True
    ):
        block = "\x1b[48;2;{};{};{}m    \x1b[0m ".format(*color[:3]) if sys.stdout.isatty() else ""
        print(f"{block}{name}  {100 * count / n_pixels:6.2f} %")
    return 0


def _compare(chosen: argparse.Namespace, options: Options) -> int:
    from pimenton.compare import compare_page
    from pimenton.formats import write_atomically
    from pimenton.page import Picture
    from pimenton.quality import measure_pixels

    try:
        original, result = Picture.read(chosen.original), Picture.read(chosen.result)
        page = compare_page(original, [result])
        if chosen.output:
            _refuse_existing(chosen.output, force=chosen.force)
            write_atomically(chosen.output, page.encode())
        quality = measure_pixels(original.pixels, result.pixels)
    except (UnreadableImage, OSError, ValueError) as failure:
        return _complain(_said(failure))
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


COMMANDS = {"compress": _compress, "palette": _palette, "compare": _compare}


def _write_report(outcome: Outcome, path: Path) -> None:
    from pimenton.compare import compare_page
    from pimenton.formats import write_atomically
    from pimenton.page import Picture

    result = Picture.of(outcome.target.name, outcome.result)
    write_atomically(path, compare_page(Picture.read(outcome.source), [result]).encode())


def _refuse_existing(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise FileExistsError(f"{path}: exists; use --force to replace it")


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


def _said(error: Exception) -> str:
    """Put an error in one line that names the file first."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _complain(sentence: str, status: int = FAILED) -> int:
    print(f"pimenton: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())

"""``pimenton curve``: size and quality of a picture in rising numbers of colors."""

import argparse
import sys
from io import BytesIO
from pathlib import Path

from pimenton.batch import FAILURES
from pimenton.cli.answers import USAGE, complain, refuse_existing
from pimenton.cli.flags import add_force, add_lang, add_options
from pimenton.cli.pages import language_of, read_picture
from pimenton.curve import ColorCurve, curve_page, measure_curve
from pimenton.errors import one_line
from pimenton.formats import write_atomically
from pimenton.options import Options

ENDINGS = (".html", ".png", ".csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("input", type=Path, metavar="IN", help="Picture to read.")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="Page, PNG or CSV to write."
    )
    add_options(parser, only=("space", "effort", "seed"))
    add_lang(parser)
    add_force(parser)


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Measure, and write the curve, or list it."""
    target = chosen.output
    if target and target.suffix.lower() not in ENDINGS:
        return complain(f"{target}: the name must end in {', '.join(ENDINGS)}", USAGE)
    try:
        if target:
            refuse_existing(target, force=chosen.force)
        curve = measure_curve(
            read_picture(chosen.input).pixels,
            space=options.space,
            effort=options.effort,
            seed=options.seed,
            n_threads=chosen.threads,
        )
        if target:
            write_atomically(target, _encoded(curve, chosen))
    except ImportError as error:
        return complain(str(error))
    except FAILURES as error:
        return complain(one_line(error))
    lines = _knees(curve) if target else _table(curve)
    print("\n".join(lines), file=sys.stderr if target else sys.stdout)
    return 0


def _encoded(curve: ColorCurve, chosen: argparse.Namespace) -> bytes:
    ending = chosen.output.suffix.lower()
    if ending == ".csv":
        return curve.to_csv().encode()
    if ending == ".html":
        return curve_page(chosen.input.name, curve, lang=language_of(chosen)).encode()
    import pimenton.plots

    axes = pimenton.plots.plot_curve(curve)
    axes.set_title(chosen.input.name)
    figure = axes.get_figure(root=True)
    assert figure is not None  # it has just been made
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=150)
    return picture.getvalue()


def _table(curve: ColorCurve) -> list[str]:
    lines = [f"{'colors':>6}  {'dither':<16}{'bytes':>9}{'SSIMULACRA2':>13}{'PSNR':>8}"]
    for point in curve.points:
        line = f"{point.n_colors:>6}  {point.dither:<16}{point.size_bytes:>9}"
        line += f"{point.ssimulacra2:>13.1f}{point.psnr:>8.2f}"
        lines.append(line + ("  knee" if point.is_knee else ""))
    return lines


def _knees(curve: ColorCurve) -> list[str]:
    return [
        f"{point.dither}: knee at {point.n_colors} colors, {point.size_bytes / 1000:.1f} kB, "
        f"SSIMULACRA2 {point.ssimulacra2:.1f}"
        for point in curve.points
        if point.is_knee
    ]

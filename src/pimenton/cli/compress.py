"""``pimenton compress``: pictures made small."""

import argparse
import dataclasses
import sys
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from pimenton.batch import FAILED, WRITTEN, Job, Outcome, Rules, attempt
from pimenton.cli.answers import USAGE, complain, refuse_existing, size_text
from pimenton.cli.flags import add_force, add_options
from pimenton.cli.progress import Progress
from pimenton.errors import one_line, printable
from pimenton.folders import find_jobs, remove_stale, share_palette
from pimenton.formats import FORMATS
from pimenton.metadata import METADATA
from pimenton.options import Options
from pimenton.pixels import thread_count

# Colors that a terminal lists below a result without pushing it off the screen.
MOST_LISTED = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument(
        "inputs", nargs="+", metavar="IN", help="Pictures, folders of them, patterns, or -."
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="File to write.  [default: NAME.min.png]"
    )
    parser.add_argument("--to", type=Path, metavar="DIR", help="Folder for the results.")
    parser.add_argument("--in-place", action="store_true", help="Replace the pictures themselves.")
    parser.add_argument("--format", choices=tuple(FORMATS), help="Format of the results.")
    add_options(parser)
    parser.add_argument(
        "--shared-palette", action="store_true", help="Draw all pictures with one palette."
    )
    add_force(parser)
    _add_rules(parser)
    parser.add_argument(
        "-j", "--jobs", type=int, metavar="N", help="Files at a time.  [default: one a core]"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="Print errors alone.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object a picture.")
    parser.add_argument(
        "--report", type=Path, metavar="PAGE", help="Write a page with both pictures."
    )


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-larger", action="store_true", help="Write a result larger than its input."
    )
    parser.add_argument(
        "--metadata",
        choices=tuple(METADATA),
        default="strip",
        help="Keep EXIF, XMP and texts, or not.  [default: strip]",
    )
    parser.add_argument(
        "--lenient", action="store_true", help="Take files damaged beside their picture."
    )
    parser.add_argument(
        "--preserve-times", action="store_true", help="Give results the time of their inputs."
    )


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Compress each picture; one that fails is said and the others go on."""
    wrong = _wrong_usage(chosen)
    if wrong:
        return complain(wrong, USAGE)
    if "-" in (chosen.inputs[0], str(chosen.output)):
        from pimenton.cli.pipes import run_pipe

        return run_pipe(chosen, options, _rules(chosen))
    try:
        jobs = _jobs(chosen)
        if chosen.report:
            refuse_existing(chosen.report, force=chosen.force)
    except (OSError, ValueError) as error:
        return complain(one_line(error))
    if chosen.shared_palette:
        options = share_palette(jobs, options, lenient=chosen.lenient, n_threads=chosen.threads)
    places = {path.parent for job in jobs for path in job.places}
    remove_stale(places)
    started = time.monotonic()
    tally = Tally(len(jobs))
    with (
        Progress(len(jobs), shown=len(jobs) > 1 and not chosen.quiet) as progress,
        closing(_outcomes(jobs, options, chosen)) as outcomes,
    ):
        for outcome in outcomes:
            tally.add(outcome)
            progress.clear()
            _tell(outcome, chosen, alone=not progress.shown)
            progress.advance()
    remove_stale(places)
    if len(jobs) > 1 and not chosen.quiet:
        print(tally.summary(time.monotonic() - started), file=sys.stderr)
    return int(tally.statuses[FAILED] > 0)


def _wrong_usage(chosen: argparse.Namespace) -> str:
    """Say what does not go together; nothing if all does."""
    single = [name for name in ("output", "report") if getattr(chosen, name)]
    if single and (len(chosen.inputs) > 1 or Path(chosen.inputs[0]).is_dir()):
        return f"--{single[0]} takes one input, which is a file"
    if "-" in (*chosen.inputs, str(chosen.output)) and (
        len(chosen.inputs) > 1 or chosen.to or chosen.in_place or chosen.report
    ):
        return "- takes no other input, and no place for results but --output"
    places = [name for name in ("output", "to", "in_place") if getattr(chosen, name)]
    if len(places) > 1:
        first, second = (f"--{name.replace('_', '-')}" for name in places[:2])
        return f"{first} and {second} say different places"
    if chosen.format and (chosen.in_place or str(chosen.output or "-") != "-"):
        return "--format goes with neither --in-place nor a file that --output names"
    if chosen.jobs is not None and chosen.jobs < 1:
        return f"--jobs must be at least 1; got {chosen.jobs}"
    return ""


def _rules(chosen: argparse.Namespace) -> Rules:
    return Rules(
        force=chosen.force,
        renew=chosen.to is not None,
        allow_larger=chosen.allow_larger,
        metadata=chosen.metadata,
        preserve_times=chosen.preserve_times,
        lenient=chosen.lenient,
    )


def _jobs(chosen: argparse.Namespace) -> list[Job]:
    if chosen.output:
        return [Job(Path(chosen.inputs[0]), chosen.output)]
    return find_jobs(chosen.inputs, to=chosen.to, in_place=chosen.in_place, format=chosen.format)


def _outcomes(
    jobs: Sequence[Job], options: Options, chosen: argparse.Namespace
) -> Generator[Outcome, None, None]:
    """Compress here, or in processes where there are enough files to be worth starting them."""
    rules = _rules(chosen)
    n_jobs = min(chosen.jobs or thread_count(None), len(jobs) // 2)
    if n_jobs > 1 and not chosen.report:
        from pimenton.workers import compress_apart

        yield from compress_apart(jobs, options, rules, n_jobs=n_jobs, n_threads=chosen.threads)
        return
    for job in jobs:
        outcome = attempt(job, options, rules, chosen.threads)
        if chosen.report and outcome.result:
            outcome = _with_report(outcome, chosen.report)
        yield outcome


def _with_report(outcome: Outcome, path: Path) -> Outcome:
    from pimenton.compare import compare_page
    from pimenton.formats import write_atomically
    from pimenton.page import Picture

    assert outcome.result is not None
    result = Picture.of(outcome.target.name, outcome.result)
    page = compare_page(Picture.read(outcome.job.source), [result])
    try:
        write_atomically(path, page.encode())
    except OSError as error:
        return dataclasses.replace(outcome, status=FAILED, reason=one_line(error))
    return outcome


def _tell(outcome: Outcome, chosen: argparse.Namespace, *, alone: bool) -> None:
    """Print what became of a picture; with a bar, only what went wrong."""
    if outcome.status == FAILED:
        complain(outcome.reason)
    if chosen.json:
        import json

        print(json.dumps(outcome.to_dict()), flush=True)
    elif outcome.status != FAILED and alone and not chosen.quiet:
        print(_line(outcome), flush=True)
        _show(outcome)


def _show(outcome: Outcome) -> None:
    """Draw the original and the result on a terminal that can."""
    from pimenton.terminal import bars, preview, shows_colors

    if outcome.result is None or not shows_colors(sys.stdout):
        return
    from pimenton.reading import read_image

    image = outcome.result.image
    print("\n".join(preview([read_image(outcome.job.source), image.to_pixels()])))
    if len(image.palette) <= MOST_LISTED:
        print("\n".join(bars(image)))


def _line(outcome: Outcome) -> str:
    name = printable(outcome.target)
    if outcome.status != WRITTEN:
        name = f"{printable(outcome.job.source)}: {outcome.reason}"
    report = outcome.report
    if report is None:
        return name
    assert report.input_bytes is not None
    look = f"PSNR {report.psnr:.2f} dB"
    if report.quality is not None:
        look = f"SSIMULACRA2 {report.quality:.1f}"
    figures = f"{report.n_colors} colors, {look}"
    change = _change(report.input_bytes, report.output_bytes)
    note = f", {outcome.note}" if outcome.note else ""
    return f"{name}: {change}, {figures}, {report.elapsed_seconds:.2f} s{note}"


def _change(before: int, after: int) -> str:
    return f"{size_text(before)} -> {size_text(after)} ({100 * (after / before - 1):+.1f} %)"


class Tally:
    """What became of a batch, in sums.

    Parameters
    ----------
    n_files : int
        Files of the batch.
    """

    def __init__(self, n_files: int) -> None:
        self.n_files = n_files
        self.statuses: Counter[str] = Counter()
        self.before = 0
        self.after = 0

    def add(self, outcome: Outcome) -> None:
        """Count a file; one that was not written keeps its size."""
        self.statuses[outcome.status] += 1
        if outcome.report and outcome.report.input_bytes:
            self.before += outcome.report.input_bytes
            self.after += (
                outcome.report.output_bytes if outcome.written else outcome.report.input_bytes
            )

    def summary(self, elapsed_seconds: float) -> str:
        """Give the sums in a line."""
        parts = [f"{count} {status}" for status, count in sorted(self.statuses.items())]
        sizes = f"; {_change(self.before, self.after)}" if self.before else ""
        return f"{self.n_files} pictures: {', '.join(parts)}{sizes}, {elapsed_seconds:.1f} s"

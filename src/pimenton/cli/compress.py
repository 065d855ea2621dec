"""``pimenton compress``: pictures made small."""

import argparse
import dataclasses
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pimenton.batch import FAILED, WRITTEN, Job, Outcome, Rules, attempt
from pimenton.cli.answers import USAGE, complain, refuse_existing, size_text
from pimenton.cli.flags import add_force, add_options
from pimenton.cli.progress import Progress
from pimenton.errors import UnreadableImage, one_line, printable
from pimenton.folders import find_jobs, is_remote_folder, remove_stale
from pimenton.formats import FORMATS
from pimenton.metadata import METADATA
from pimenton.options import Options
from pimenton.pixels import thread_count
from pimenton.places import content_of, place_of
from pimenton.stores import is_url

if TYPE_CHECKING:
    from distributed import Client

    from pimenton.manifest import Manifest
    from pimenton.many import Item

# Colors that a terminal lists below a result without pushing it off the screen.
MOST_LISTED = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument(
        "inputs", nargs="+", metavar="IN", help="Pictures, folders, patterns, URLs, or -."
    )
    parser.add_argument(
        "-o",
        "--output",
        type=place_of,
        metavar="OUT",
        help="File to write.  [default: NAME.min.png]",
    )
    parser.add_argument("--to", type=place_of, metavar="DIR", help="Folder or URL for the results.")
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
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="Dask cluster to work on, tcp://HOST:PORT, or local."
    )
    parser.add_argument(
        "--manifest", type=Path, metavar="DB", help="SQLite table of all files, to go on from."
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
        if chosen.report:
            refuse_existing(chosen.report, force=chosen.force)
        with _cluster(chosen) as client:
            return _run_batch(_found(chosen), options, chosen, client)
    except (OSError, ValueError, UnreadableImage) as error:
        return complain(one_line(error))
    except RuntimeError as error:
        from concurrent.futures import BrokenExecutor

        if not isinstance(error, BrokenExecutor):
            raise
        return complain(f"{chosen.scheduler}: the scheduler is gone; run this again to go on")


def _run_batch(
    jobs: Sequence[Job] | None,
    options: Options,
    chosen: argparse.Namespace,
    client: "Client | None",
) -> int:
    """Compress what was found, or while it is being found; give the exit status."""

    def find() -> Iterator[Job]:
        return _find(chosen) if jobs is None else iter(jobs)

    if chosen.shared_palette:
        submit = None
        if client is not None:
            from pimenton.cluster import submitter

            submit = submitter(client)
        from pimenton.census import share_palette

        options = share_palette(
            find, options, lenient=chosen.lenient, n_threads=chosen.threads, submit=submit
        )
    n_files = None if jobs is None else len(jobs)
    started = time.monotonic()
    tally, folders = Tally(), _folders(jobs or ())
    remove_stale(folders)
    with (
        Progress(n_files, shown=n_files != 1 and not chosen.quiet) as progress,
        _manifest(chosen, options) as manifest,
        closing(_outcomes(manifest, find(), n_files, options, chosen, client)) as outcomes,
    ):
        if n_files is None:
            progress.count(find())
        for outcome in outcomes:
            tally.add(outcome)
            folders |= _folders([outcome.job]) if n_files is None else set()
            progress.clear()
            _tell(outcome, chosen, alone=not progress.shown)
            progress.advance()
    remove_stale(folders)
    if n_files != 1 and not chosen.quiet:
        print(tally.summary(time.monotonic() - started), file=sys.stderr)
    return int(tally.statuses[FAILED] > 0)


def _cluster(chosen: argparse.Namespace) -> "AbstractContextManager[Client | None]":
    if not chosen.scheduler:
        return nullcontext()
    from pimenton.cluster import cluster_at

    return cluster_at(chosen.scheduler, chosen.jobs)


def _manifest(
    chosen: argparse.Namespace, options: Options
) -> "AbstractContextManager[Manifest | None]":
    if not chosen.manifest:
        return nullcontext()
    from pimenton.manifest import Manifest

    return Manifest(chosen.manifest, options, _rules(chosen))


def _folders(jobs: Iterable[Job]) -> set[Path]:
    """Give the folders of this machine that are written to."""
    return {path.parent for job in jobs for path in job.places if isinstance(path, Path)}


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
    if chosen.report and any(map(is_url, map(str, (*chosen.inputs, chosen.output)))):
        return "--report takes a file of this machine"
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
        renew=chosen.to is not None or chosen.manifest is not None,
        # A manifest tells of every file how it came out, so only what is in it is done.
        trust_marks=chosen.manifest is None,
        allow_larger=chosen.allow_larger,
        metadata=chosen.metadata,
        preserve_times=chosen.preserve_times,
        lenient=chosen.lenient,
    )


def _found(chosen: argparse.Namespace) -> list[Job] | None:
    """Find all files first; None if there may be too many, which are found on the way."""
    many = chosen.scheduler or any(map(is_remote_folder, chosen.inputs))
    return None if many and not chosen.output else list(_find(chosen))


def _find(chosen: argparse.Namespace) -> Iterator[Job]:
    if chosen.output:
        return iter([Job(place_of(chosen.inputs[0]), chosen.output)])
    return find_jobs(chosen.inputs, to=chosen.to, in_place=chosen.in_place, format=chosen.format)


def _outcomes(
    manifest: "Manifest | None",
    jobs: Iterator[Job],
    n_files: int | None,
    options: Options,
    chosen: argparse.Namespace,
    client: "Client | None",
) -> Generator[Outcome, None, None]:
    """Compress files, with a row in the manifest for each."""
    if manifest is None:
        yield from _compressed(jobs, n_files, options, chosen, client)
        return
    for outcome in _compressed(manifest.sift(jobs), n_files, options, chosen, client):
        manifest.add(outcome)
        yield outcome


def _compressed(
    items: "Iterable[Item]",
    n_files: int | None,
    options: Options,
    chosen: argparse.Namespace,
    client: "Client | None",
) -> Iterator[Outcome]:
    """Compress here, in processes where there are enough files to start them, or elsewhere."""
    rules = _rules(chosen)
    n_jobs = chosen.jobs or thread_count(None)
    if n_files is not None:
        n_jobs = min(n_jobs, n_files // 2)
    if client is not None:
        from pimenton.cluster import compress_on

        yield from compress_on(client, items, options, rules, n_threads=chosen.threads)
    elif n_jobs > 1 and not chosen.report:
        from pimenton.workers import compress_apart

        yield from compress_apart(items, options, rules, n_jobs=n_jobs, n_threads=chosen.threads)
    else:
        for item in items:
            yield item if isinstance(item, Outcome) else _compressed_here(item, options, chosen)


def _compressed_here(job: Job, options: Options, chosen: argparse.Namespace) -> Outcome:
    outcome = attempt(job, options, _rules(chosen), chosen.threads)
    if chosen.report and outcome.result:
        return _with_report(outcome, chosen.report)
    return outcome


def _with_report(outcome: Outcome, path: Path) -> Outcome:
    from pimenton.compare import compare_page
    from pimenton.formats import write_atomically
    from pimenton.page import Picture

    assert outcome.result is not None
    result = Picture.of(outcome.target.name, outcome.result)
    page = compare_page(Picture.read(Path(str(outcome.job.source))), [result])
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
    original = read_image(content_of(outcome.job.source))
    print("\n".join(preview([original, image.to_pixels()])))
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
    """What became of a batch, in sums."""

    def __init__(self) -> None:
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
        n_files = self.statuses.total()
        return f"{n_files} pictures: {', '.join(parts)}{sizes}, {elapsed_seconds:.1f} s"

"""Files: which to write, which to keep, and many of them."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pimenton import marks
from pimenton.animation import compress_source
from pimenton.errors import QualityNotReached, UnreadableImage, one_line, printable
from pimenton.formats import FORMATS, encode, format_of, write_atomically
from pimenton.indexed import IndexedImage
from pimenton.metadata import Metadata, furnish, read_metadata
from pimenton.options import Options
from pimenton.palette import Palette
from pimenton.reading import MAX_PIXELS, format_in
from pimenton.report import Compressed, Report

# What a bad input or an unlucky disk gives: one line to the user, never a traceback.
FAILURES = (UnreadableImage, QualityNotReached, OSError, ValueError, MemoryError)

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

WRITTEN, KEPT, COPIED, DONE, FAILED = "written", "kept", "copied", "done", "failed"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What may be read and written, and what goes with it.

    Attributes
    ----------
    force : bool
        Replace a target that exists, and make again what is done.
    renew : bool
        Replace a target that pimenton wrote, where its source or the choices have changed.
    allow_larger : bool
        Write a result that is not smaller than a source of the same format.
    metadata : str
        A key of ``METADATA``.
    preserve_times : bool
        Give the target the source's time of modification.
    lenient : bool
        Take a file whose picture can be read though something else in it is damaged.
    """

    force: bool = False
    renew: bool = False
    allow_larger: bool = False
    metadata: str = "strip"
    preserve_times: bool = False
    lenient: bool = False


@dataclass(frozen=True)
class Job:
    """One file to compress.

    Attributes
    ----------
    source, target : Path
        The file to read and the one to write; they may be the same.
    copy : Path or None
        Where a source goes that is better than its result; None leaves it where it is.
    """

    source: Path
    target: Path
    copy: Path | None = None

    @property
    def places(self) -> tuple[Path, ...]:
        """Where something may be written."""
        return (self.target,) if self.copy in (None, self.target) else (self.target, self.copy)

    @property
    def in_place(self) -> bool:
        """Whether the source itself is to be replaced."""
        return self.source == self.target


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one file.

    Attributes
    ----------
    job : Job
        The file.
    target : Path
        The file that was, or would have been, written.
    status : str
        written; kept: the original was better, and nothing is written; copied: it was, and its
        copy is; done: it had been made before with the same choices; failed.
    reason : str
        Why it was not written; empty if it was.
    note : str
        What else is to be known: that the file holds more pictures than were taken.
    report : Report or None
        The figures of the compressed picture, written or not; None if there is none.
    result : Compressed or None
        The compressed picture itself, where it was made in this process.
    """

    job: Job
    target: Path
    status: str
    reason: str = ""
    note: str = ""
    report: Report | None = None
    result: Compressed | None = None

    @property
    def written(self) -> bool:
        """Whether the result was written."""
        return self.status == WRITTEN

    def to_dict(self) -> dict[str, Any]:
        """Give one flat record, ready for JSON."""
        return {
            "input": str(self.job.source),
            "output": str(self.target),
            "status": self.status,
            "written": self.written,
            **({"reason": self.reason} if self.reason else {}),
            **({"note": self.note} if self.note else {}),
            **(self.report.to_dict() if self.report else {}),
        }


def compress_files(
    jobs: Iterable[Job],
    options: Options,
    rules: Rules,
    executor: "Executor",
    *,
    n_waiting: int,
    n_threads: int | None = None,
) -> Iterator[Outcome]:
    """Compress many files in another place; yield what became of each as soon as it is known.

    Parameters
    ----------
    jobs : iterable of Job
        The files.
    options : Options
        The choices.
    rules : Rules
        What may be written.
    executor : concurrent.futures.Executor
        Where the files are compressed: processes, or other machines that see the same files.
    n_waiting : int
        Files handed over at a time.
    n_threads : int, optional
        Threads for each file.

    Raises
    ------
    BrokenExecutor
        If the other place is gone.
    """
    from concurrent.futures import FIRST_COMPLETED, wait

    rest = iter(jobs)
    waiting: set[Future[Outcome]] = set()
    while True:
        for job in islice(rest, n_waiting - len(waiting)):
            waiting.add(executor.submit(attempt_apart, job, options, rules, n_threads))
        if not waiting:
            return
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def attempt_apart(job: Job, options: Options, rules: Rules, n_threads: int | None) -> Outcome:
    """Compress one file and give the figures alone: what is worth sending to another process."""
    return replace(attempt(job, options, rules, n_threads), result=None)


def attempt(job: Job, options: Options, rules: Rules, n_threads: int | None = None) -> Outcome:
    """Compress one file; a failure is an outcome too."""
    try:
        return compress_file(job, options, rules, n_threads=n_threads)
    except FAILURES as error:
        reason = one_line(error)
        # An error of our own begins with the file's name, a wrong choice does not.
        names = [printable(path) for path in (job.source, *job.places)]
        if not reason.startswith(tuple(names)):
            reason = f"{names[0]}: {reason}"
        return Outcome(job=job, target=job.target, status=FAILED, reason=reason)


def compress_file(
    job: Job, options: Options, rules: Rules | None = None, *, n_threads: int | None = None
) -> Outcome:
    """Compress one file into another, unless that would lose or gain nothing.

    Parameters
    ----------
    job : Job
        The file.
    options : Options
        The choices.
    rules : Rules, optional
        What may be written.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Returns
    -------
    Outcome

    Raises
    ------
    FileExistsError
        If the target exists and is not to be replaced.
    UnreadableImage, OSError, ValueError
        As ``compress``.
    """
    rules = rules or Rules()
    source, target = job.source, job.target
    if job.in_place and not is_written(source):
        reason = f"kept the original, since {source.suffix or 'its format'} is not written"
        return Outcome(job=job, target=target, status=KEPT, reason=reason)
    format = format_of(target)
    digest = digest_for(options, format, rules)
    if not rules.force:
        if (done := _done(job, digest)) is not None:
            return done
        _refuse_existing(job, rules)
    state = source.stat()
    metadata = replace(read_metadata(source, keep=rules.metadata), mark=digest)
    limited = _leave_room(options, format, metadata)
    made, note = compress_source(
        source, str(source), format, limited, lenient=rules.lenient, n_threads=n_threads
    )
    result = with_data(made, furnish(made.data, format, metadata), options)
    comparable = job.copy is not None or is_written(source, format)
    if comparable and len(result.data) >= state.st_size and not rules.allow_larger:
        return _kept(job, result, digest, rules)
    _write(target, result.data, state, rules)
    if not marks.mark_in(result.data):
        marks.put_on(target, digest)
    return Outcome(
        job=job, target=target, status=WRITTEN, note=note, report=result.report, result=result
    )


def compress_data(
    data: bytes,
    options: Options,
    rules: Rules | None = None,
    *,
    format: str | None = None,
    name: str = "standard input",
    n_threads: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> tuple[bytes, Compressed | None]:
    """Compress a file's content, unless that would lose or gain nothing.

    Parameters
    ----------
    data : bytes
        The content.
    options : Options
        The choices.
    rules : Rules, optional
        What may be given back.
    format : str, optional
        A key of ``FORMATS``, by default the content's own, or PNG where that is not written.
    name : str, optional
        What errors call the content.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    max_pixels : int, optional
        Pictures with more pixels are refused before they are decoded.

    Returns
    -------
    data : bytes
        The result's content, or the original's if that is better or was made with these choices.
    made : Compressed or None
        The result, given back or not; None if there is none.

    Raises
    ------
    UnreadableImage, ValueError
        As ``compress``.
    """
    rules = rules or Rules()
    own = format_in(data[:64])
    format = format or (own if own in FORMATS else "png")
    digest = digest_for(options, format, rules)
    if own == format and marks.mark_in(data) == digest and not rules.force:
        return data, None
    metadata = replace(read_metadata(data, keep=rules.metadata), mark=digest)
    limited = _leave_room(options, format, metadata)
    made, _ = compress_source(
        data, name, format, limited, n_threads=n_threads, max_pixels=max_pixels
    )
    made = with_data(made, furnish(made.data, format, metadata), options)
    better = len(made.data) < len(data) or own != format or rules.allow_larger
    return made.data if better else data, made


def digest_for(options: Options, format: str, rules: Rules) -> str:
    """Give the mark of a file that these choices make."""
    from pimenton import __version__

    return marks.digest_of(
        version=__version__, format=format, metadata=rules.metadata, **options.to_dict()
    )


def with_data(made: Compressed, data: bytes, options: Options) -> Compressed:
    """Take other bytes for the same picture, and the choices as they were meant."""
    n_pixels = made.report.width * made.report.height
    report = replace(
        made.report, output_bytes=len(data), bits_per_pixel=8 * len(data) / n_pixels,
        options=options,
    )  # fmt: skip
    return replace(made, data=data, report=report)


def _leave_room(options: Options, format: str, metadata: Metadata) -> Options:
    """Let a largest size hold with what is put into the file beside the picture."""
    if options.max_bytes is None:
        return options
    tiny = encode(IndexedImage(np.zeros((1, 1), np.uint8), Palette.of_hex(["#000000"])), format)
    n_bytes = len(furnish(tiny, format, metadata)) - len(tiny)
    return replace(options, max_bytes=max(1, options.max_bytes - n_bytes))


def is_written(path: Path, format: str = "") -> bool:
    """Tell whether a file is named as of a format that can be written, or of this one."""
    try:
        return format_of(path) == (format or format_of(path))
    except ValueError:
        return False


def _done(job: Job, digest: str) -> Outcome | None:
    """Tell that there is nothing to do, if there is nothing."""
    outcome = Outcome(job=job, target=job.target, status=DONE, reason="done before")
    if not job.in_place:
        for path in job.places:
            newer = path.exists() and path.stat().st_mtime_ns >= job.source.stat().st_mtime_ns
            if newer and marks.mark_of(path) == digest:
                return replace(outcome, target=path)
    if marks.mark_of(job.source) != digest or (job.copy and job.copy != job.source):
        return None
    return replace(outcome, reason="made with the same choices")


def _refuse_existing(job: Job, rules: Rules) -> None:
    for path in job.places:
        if path == job.source or not path.exists():
            continue
        if not (rules.renew and marks.mark_of(path)):
            raise FileExistsError(f"{path}: exists; use --force to replace it")


def _kept(job: Job, result: Compressed, digest: str, rules: Rules) -> Outcome:
    """Leave an original that is better, or copy it where the results go."""
    outcome = Outcome(
        job=job,
        target=job.target,
        status=KEPT,
        reason="kept the original",
        report=result.report,
        result=result,
    )
    if job.copy is None or job.copy == job.source:
        if job.in_place:
            marks.put_on(job.source, digest)
        return outcome
    _write(job.copy, job.source.read_bytes(), job.source.stat(), rules)
    marks.put_on(job.copy, digest)
    return replace(outcome, target=job.copy, status=COPIED, reason="copied the original")


def _write(path: Path, data: bytes, source: os.stat_result, rules: Rules) -> None:
    """Write a file, in a new folder if need be; a new file has its source's mode."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)
    if is_new:
        path.chmod(stat.S_IMODE(source.st_mode) & 0o777)
    if rules.preserve_times:
        os.utime(path, ns=(source.st_atime_ns, source.st_mtime_ns))

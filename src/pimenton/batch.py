"""Files: which to write, which to keep, and what became of them."""

import os
import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pimenton import marks
from pimenton.animation import compress_source
from pimenton.errors import QualityNotReached, UnreadableImage, one_line, printable
from pimenton.formats import FORMATS, encode, format_of
from pimenton.indexed import IndexedImage
from pimenton.metadata import Metadata, furnish, read_metadata
from pimenton.options import Options
from pimenton.palette import Palette
from pimenton.places import Place, content_of, look, look_at_source, mark_of, write
from pimenton.reading import MAX_PIXELS, format_in
from pimenton.report import Compressed, Report
from pimenton.stores import State

# What a bad input or an unlucky disk gives: one line to the user, never a traceback.
FAILURES = (UnreadableImage, QualityNotReached, OSError, ValueError, MemoryError)

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
    trust_marks : bool
        Take a target for done that bears the mark of the same choices.
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
    trust_marks: bool = True
    allow_larger: bool = False
    metadata: str = "strip"
    preserve_times: bool = False
    lenient: bool = False


@dataclass(frozen=True)
class Job:
    """One file to compress.

    Attributes
    ----------
    source, target : Path or Url
        The file to read and the one to write; they may be the same.
    copy : Path or Url or None
        Where a source goes that is better than its result; None leaves it where it is.
    """

    source: Place
    target: Place
    copy: Place | None = None

    @property
    def places(self) -> tuple[Place, ...]:
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
    target : Path or Url
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
    elapsed_seconds : float
        From the first look at the file to the end, reading and writing included.
    worker : str
        The machine and the process that worked on it.
    """

    job: Job
    target: Place
    status: str
    reason: str = ""
    note: str = ""
    report: Report | None = None
    result: Compressed | None = None
    elapsed_seconds: float = 0.0
    worker: str = ""

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


def attempt(job: Job, options: Options, rules: Rules, n_threads: int | None = None) -> Outcome:
    """Compress one file; a failure is an outcome too."""
    started = time.monotonic()
    try:
        outcome = compress_file(job, options, rules, n_threads=n_threads)
    except FAILURES as error:
        outcome = failed(job, error)
    worker = f"{platform.node()}:{os.getpid()}"
    return replace(outcome, elapsed_seconds=time.monotonic() - started, worker=worker)


def failed(job: Job, error: Exception) -> Outcome:
    """Tell that a file could not be compressed, and why."""
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
    state = look_at_source(source)
    there = {} if rules.force else _standing(job)
    if rules.trust_marks:
        made_at = _made_before(there, state, digest)
        if made_at is not None:
            return Outcome(job=job, target=made_at, status=DONE, reason="done before")
    content = content_of(source)
    if not rules.force:
        if job.copy in (None, source) and _mark_in(content) == digest:
            return Outcome(job=job, target=target, status=DONE, reason="made with the same choices")
        _refuse_existing(there, job, state, rules)
    metadata = replace(read_metadata(content, keep=rules.metadata), mark=digest)
    limited = _leave_room(options, format, metadata)
    made, note = compress_source(
        content, str(source), format, limited, lenient=rules.lenient, n_threads=n_threads
    )
    result = with_data(made, furnish(made.data, format, metadata), options)
    comparable = job.copy is not None or is_written(source, format)
    if comparable and len(result.data) >= state.n_bytes and not rules.allow_larger:
        return _kept(job, result, content, state, digest, rules)
    write(target, result.data, digest, state, preserve_times=rules.preserve_times)
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


def is_written(place: Place, format: str = "") -> bool:
    """Tell whether a file is named as of a format that can be written, or of this one."""
    try:
        return format_of(place) == (format or format_of(place))
    except ValueError:
        return False


def _mark_in(content: Path | bytes) -> str:
    return marks.mark_in(content) if isinstance(content, bytes) else marks.mark_of(content)


def _standing(job: Job) -> dict[Place, State]:
    """Look at what stands where something may be written, but for the source."""
    looks = ((place, look(place)) for place in job.places if place != job.source)
    return {place: state for place, state in looks if state is not None}


def _made_before(there: dict[Place, State], source: State, digest: str) -> Place | None:
    """Find a file that was made of this one with the same choices, after its last change."""
    for place, state in there.items():
        if not state.is_older_than(source) and mark_of(place, state) == digest:
            return place
    return None


def _refuse_existing(there: dict[Place, State], job: Job, source: State, rules: Rules) -> None:
    for place, state in there.items():
        if rules.renew and (mark_of(place, state) or _is_copy(job, place, source, state)):
            continue
        raise FileExistsError(f"{place}: exists; use --force to replace it")


def _is_copy(job: Job, place: Place, source: State, state: State) -> bool:
    """Tell whether a file is the original's copy, where marks cannot be put on files."""
    same_size = place == job.copy and state.n_bytes == source.n_bytes
    return same_size and place.read_bytes() == job.source.read_bytes()


def _kept(
    job: Job, result: Compressed, content: Path | bytes, state: State, digest: str, rules: Rules
) -> Outcome:
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
        if job.in_place and isinstance(job.source, Path):
            marks.put_on(job.source, digest)
        return outcome
    data = content if isinstance(content, bytes) else content.read_bytes()
    write(job.copy, data, digest, state, preserve_times=rules.preserve_times)
    return replace(outcome, target=job.copy, status=COPIED, reason="copied the original")

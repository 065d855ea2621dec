"""A manifest: what became of each file of a run, in a table on disk.

A run that was broken off goes on from it without asking for a target. It is an SQLite database: one
file that needs no other program, takes a row at a time, replaces it when a file is tried again, is
whole after any crash, and answers questions while the run goes on. A table in columns would be
smaller, but is written once and as a whole; SQLite's is read by whatever makes such.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from pimenton.batch import DONE, FAILED, Job, Outcome, Rules, digest_for
from pimenton.errors import UnreadableImage
from pimenton.formats import format_of
from pimenton.many import Item
from pimenton.options import Options
from pimenton.places import look_at_source

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    source TEXT PRIMARY KEY, target TEXT, status TEXT NOT NULL, reason TEXT, note TEXT,
    input_bytes INTEGER, output_bytes INTEGER, width INTEGER, height INTEGER, n_colors INTEGER,
    mse REAL, psnr REAL, quality REAL, seconds REAL, worker TEXT, finished TEXT,
    modified INTEGER, digest TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS choices (digest TEXT PRIMARY KEY, format TEXT, options TEXT);
"""
_FIGURES = ("output_bytes", "width", "height", "n_colors", "mse", "psnr", "quality")
_COLUMNS = (
    *("source", "target", "status", "reason", "note", "input_bytes", *_FIGURES),
    *("seconds", "worker", "finished", "modified", "digest"),
)
_NAMES, _VALUES = ", ".join(_COLUMNS), ", ".join("?" * len(_COLUMNS))
_PUT = f"INSERT OR REPLACE INTO files ({_NAMES}) VALUES ({_VALUES})"


class Manifest:
    """The table of a run.

    Parameters
    ----------
    path : Path
        File of the database; made if there is none.
    options : Options
        The choices of the run.
    rules : Rules
        What it may write.

    Raises
    ------
    UnreadableImage
        If the file is no manifest.
    """

    def __init__(self, path: Path, options: Options, rules: Rules) -> None:
        self.options, self.rules = options, rules
        self.digests: dict[str, str] = {}
        # Sizes and times of what was handed over, as they were before anyone read it.
        self.seen: dict[Job, tuple[int, int | None]] = {}
        try:
            self.table = sqlite3.connect(path, isolation_level=None)
            # A row is safe from any death of ours once it is written, and costs no wait for a disk.
            self.table.execute("PRAGMA journal_mode = WAL")
            self.table.execute("PRAGMA synchronous = NORMAL")
            self.table.executescript(_SCHEMA)
            self.table.execute(f"SELECT {_NAMES} FROM files LIMIT 0")
        except sqlite3.Error as error:
            raise UnreadableImage(f"{path}: no manifest: {error}") from error

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.table.close()

    def sift(self, jobs: Iterable[Job]) -> Iterator[Item]:
        """Pass files on, and for those that an earlier run made with the same choices, that."""
        for job in jobs:
            try:
                state = look_at_source(job.source)
            except OSError:
                yield job  # whoever reads it will say so
                continue
            seen = (state.n_bytes, state.modified)
            if not self.rules.force and self._row_of(job) == (*seen, self._digest(job)):
                yield Outcome(job=job, target=job.target, status=DONE, reason="done before")
            else:
                self.seen[job] = seen
                yield job

    def add(self, outcome: Outcome) -> None:
        """Write what became of a file; one that was found done has its row already."""
        job, report = outcome.job, outcome.report
        n_bytes, modified = self.seen.pop(job, (None, None))
        if outcome.status == DONE and self._row_of(job)[2:] == (self._digest(job),):
            return
        figures = [getattr(report, name) if report else None for name in _FIGURES]
        self.table.execute(
            _PUT,
            (
                *(str(job.source), str(outcome.target), outcome.status),
                *(outcome.reason or None, outcome.note or None, n_bytes, *map(_number, figures)),
                *(outcome.elapsed_seconds, outcome.worker or None),
                *(datetime.now(UTC).isoformat(timespec="seconds"), modified),
                self._digest(job),
            ),
        )

    def _row_of(self, job: Job) -> tuple[object, ...]:
        row = self.table.execute(
            "SELECT input_bytes, modified, digest FROM files WHERE source = ? AND status <> ?",
            (str(job.source), FAILED),
        ).fetchone()
        return row or ()

    def _digest(self, job: Job) -> str | None:
        """Give the digest of the choices for a file's format, written down when first met."""
        try:
            format = format_of(job.target)
        except ValueError:
            return None
        if format not in self.digests:
            digest = digest_for(self.options, format, self.rules)
            self.digests[format] = digest
            self.table.execute(
                "INSERT OR REPLACE INTO choices VALUES (?, ?, ?)",
                (digest, format, json.dumps(self.options.to_dict())),
            )
        return self.digests[format]


def _number(value: float | None) -> float | None:
    # SQL knows no infinity, which is the PSNR of a picture that lost nothing.
    return None if value == float("inf") else value

"""Results and the pictures they were made of, kept on disk for a stated time.

Both files are whole before the record says that they are there, and the record is there before the
caller is told. So what was acknowledged outlives the death of the process at any moment; files
without a record are what such a death leaves, and are swept.
"""

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pimenton.formats import write_atomically
from pimenton.web.records import Records

_ID_BYTES = 24
# Files without a record may be on their way to one.
_ORPHAN_SECONDS = 3600.0
_RESULT, _SOURCE = ".result", ".source"


class Full(Exception):
    """There is no room for one more result."""


@dataclass(frozen=True)
class Small:
    """A picture made small.

    Attributes
    ----------
    data : bytes
        Its file.
    format : str
        png, jpeg, webp or avif.
    width, height : int
        Its size in pixels.
    """

    data: bytes
    format: str
    width: int
    height: int


class Results:
    """The results that are kept.

    Parameters
    ----------
    records : Records
        What remembers them; their files lie in the folder ``results`` beside it.
    kept_seconds : float
        How long.
    max_bytes : int
        Most bytes of all files together.
    """

    def __init__(self, records: Records, kept_seconds: float, max_bytes: int) -> None:
        self._records, self._kept_seconds, self._max_bytes = records, kept_seconds, max_bytes
        self._folder = records.folder / "results"
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def keep(self, source: bytes, small: Small) -> str:
        """Keep a result and what it was made of; give the name by which it is found.

        Raises
        ------
        Full
            If there is no room.
        """
        n_bytes = len(source) + len(small.data)
        [(used,)] = self._records.rows("SELECT total(bytes) FROM results")
        if float(str(used)) + n_bytes > self._max_bytes:
            raise Full("there is no room for one more result; try again later")
        id = secrets.token_urlsafe(_ID_BYTES)
        self._path(id).parent.mkdir(exist_ok=True)
        try:
            write_atomically(self._path(id, _SOURCE), source)
            write_atomically(self._path(id), small.data)
            with self._records.change() as database:
                database.execute(
                    "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?)",
                    (id, small.format, small.width, small.height, n_bytes,
                     time.time() + self._kept_seconds),
                )  # fmt: skip
        except BaseException:
            self._unlink(id)
            raise
        return id

    def find(self, id: str) -> Small | None:
        """Give a result; None if there is none of this name, or no longer."""
        rows = self._records.rows(
            "SELECT id, format, width, height FROM results WHERE id = ? AND ends > ?",
            id,
            time.time(),
        )
        if not rows:
            return None
        name, format, width, height = rows[0]
        with suppress(FileNotFoundError):
            data = self._path(str(name)).read_bytes()
            return Small(data, str(format), int(str(width)), int(str(height)))
        return None

    def source(self, id: str) -> bytes | None:
        """Give what a result was made of; None as `find`."""
        rows = self._records.rows(
            "SELECT id FROM results WHERE id = ? AND ends > ?", id, time.time()
        )
        with suppress(FileNotFoundError):
            return self._path(str(rows[0][0]), _SOURCE).read_bytes() if rows else None
        return None

    def sweep(self) -> int:
        """Remove what is no longer kept; give how many results these are."""
        now = time.time()
        with self._records.change() as database:
            gone = database.execute(
                "DELETE FROM results WHERE ends <= ? RETURNING id", (now,)
            ).fetchall()
        for (id,) in gone:
            self._unlink(id)
        return len(gone)

    def sweep_orphans(self) -> None:
        """Remove files that no record speaks of, and that are no longer being written."""
        known = {str(id).encode().hex() for (id,) in self._records.rows("SELECT id FROM results")}
        before = time.time() - _ORPHAN_SECONDS
        for path in self._folder.glob("*/*"):
            with suppress(FileNotFoundError):
                if path.stem not in known and path.stat().st_mtime < before:
                    path.unlink()

    def _path(self, id: str, kind: str = _RESULT) -> Path:
        # Digits, since some file systems take capitals for small letters.
        return self._folder / id.encode().hex()[:2] / f"{id.encode().hex()}{kind}"

    def _unlink(self, id: str) -> None:
        for kind in (_RESULT, _SOURCE):
            self._path(id, kind).unlink(missing_ok=True)

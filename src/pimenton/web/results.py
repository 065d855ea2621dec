"""Results and the pictures they were made of, kept for a stated time.

Both files are whole before the record says that they are there, and the record is there before the
caller is told. So what was acknowledged outlives the death of the process at any moment; files
without a record are what such a death leaves, and are swept.
"""

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass

from pimenton.web.records import Records
from pimenton.web.shelves import Shelf

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
        What remembers them.
    shelf : Shelf
        Where their files lie.
    kept_seconds : float
        How long.
    max_bytes : int
        Most bytes of all files together.
    """

    def __init__(self, records: Records, shelf: Shelf, kept_seconds: float, max_bytes: int) -> None:
        self._records, self._shelf = records, shelf
        self._kept_seconds, self._max_bytes = kept_seconds, max_bytes

    def keep(self, source: bytes, small: Small) -> str:
        """Keep a result and what it was made of; give the name by which it is found.

        Raises
        ------
        Full
            If there is no room.
        OSError
            If the files cannot be written.
        """
        n_bytes = len(source) + len(small.data)
        [(used,)] = self._records.rows("SELECT total(bytes) FROM results")
        if float(str(used)) + n_bytes > self._max_bytes:
            raise Full("there is no room for one more result; try again later")
        id = secrets.token_urlsafe(_ID_BYTES)
        try:
            self._shelf.write(_name(id, _SOURCE), source)
            self._shelf.write(_name(id, _RESULT), small.data)
            with self._records.change() as database:
                database.execute(
                    "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?)",
                    (id, small.format, small.width, small.height, n_bytes,
                     time.time() + self._kept_seconds),
                )  # fmt: skip
        except BaseException:
            with suppress(OSError):
                self._remove(id)
            raise
        return id

    def find(self, id: str) -> Small | None:
        """Give a result; None if there is none of this name, or no longer.

        Raises
        ------
        OSError
            If its file cannot be read.
        """
        rows = self._records.rows(
            "SELECT id, format, width, height FROM results WHERE id = ? AND ends > ?",
            id,
            time.time(),
        )
        if not rows:
            return None
        name, format, width, height = rows[0]
        data = self._shelf.read(_name(str(name), _RESULT))
        if data is None:
            return None
        return Small(data, str(format), int(str(width)), int(str(height)))

    def source(self, id: str) -> bytes | None:
        """Give what a result was made of; as `find`."""
        rows = self._records.rows(
            "SELECT id FROM results WHERE id = ? AND ends > ?", id, time.time()
        )
        return self._shelf.read(_name(str(rows[0][0]), _SOURCE)) if rows else None

    def sweep(self) -> int:
        """Remove what is no longer kept; give how many results these are.

        Raises
        ------
        OSError
            If a file cannot be removed; the next time it is tried again.
        """
        old = self._records.rows("SELECT id FROM results WHERE ends <= ?", time.time())
        for (id,) in old:
            self._remove(str(id))
            with self._records.change() as database:
                database.execute("DELETE FROM results WHERE id = ?", (id,))
        self._records.move()
        return len(old)

    def sweep_orphans(self) -> None:
        """Remove files that no record speaks of, and that are no longer being written."""
        older = list(self._shelf.older(_ORPHAN_SECONDS))
        known = {
            _name(str(id), kind)
            for (id,) in self._records.rows("SELECT id FROM results")
            for kind in (_RESULT, _SOURCE)
        }
        for name in older:
            if name not in known:
                self._shelf.remove(name)

    def _remove(self, id: str) -> None:
        for kind in (_RESULT, _SOURCE):
            self._shelf.remove(_name(id, kind))


def _name(id: str, kind: str) -> str:
    # Digits, since some file systems take capitals for small letters.
    return id.encode().hex() + kind

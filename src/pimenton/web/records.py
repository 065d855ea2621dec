"""What the service remembers: one SQLite database in a folder of its own.

Threads share two connections, each behind a lock since every statement is short: one that reads and
one that writes. Other processes, such as the command that adds keys, open the database beside the
service. It is written ahead (WAL): readers never wait for writers, writers never for the disk, and
what was committed outlives the death of the process.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAITING_SECONDS = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL UNIQUE,
    quota INTEGER,
    added REAL NOT NULL,
    is_asking INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS counts (
    key INTEGER NOT NULL,
    month TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (key, month)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
    id TEXT PRIMARY KEY,
    format TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    ends REAL NOT NULL
) WITHOUT ROWID;
"""


def default_folder() -> Path:
    """Give the folder where a service keeps what it remembers, if none is named."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "pimenton"


class Records:
    """The database of a folder, made if there is none.

    Parameters
    ----------
    folder : Path
        Where it is kept; nobody but its owner can read a folder that is made here.

    Raises
    ------
    OSError
        If the folder cannot be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        path = folder / "pimenton.sqlite"
        self._writing, self._reading = threading.Lock(), threading.Lock()
        try:
            self._writer, self._reader, self._mover = (_opened(path) for _ in range(3))
            self._writer.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from error

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Read and write in one transaction, which an exception undoes."""
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Read what a query finds."""
        with self._reading:
            return self._reader.execute(query, values).fetchall()

    def move(self) -> None:
        """Move what was written ahead to where it belongs, which waits for the disk."""
        self._mover.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the database."""
        with self._reading, self._writing:
            for database in (self._mover, self._reader, self._writer):
                database.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(
        path, _WAITING_SECONDS, isolation_level=None, check_same_thread=False
    )
    database.execute("PRAGMA journal_mode=WAL")
    # A failure of power may cost the last moments, never the database.
    database.execute("PRAGMA synchronous=NORMAL")
    # No caller is made to wait for a disk that others keep busy; see `Records.move`.
    database.execute("PRAGMA wal_autocheckpoint=0")
    return database

"""How far a long work has come, kept beside what it is to become.

The unfinished result and the record are in a folder that has the result's name and ``.partial``
after it. A run with the same source and choices finds it and goes on; any other begins anew.
"""

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

# Seconds between two entries: what a run that is broken off has to do again, at most.
SECONDS = 5.0


class Record:
    """A folder for the unfinished result and what is known of it.

    Parameters
    ----------
    target : Path
        The result.
    key : str
        All that decides it; a record with another key is thrown away.
    """

    def __init__(self, target: Path, key: str) -> None:
        self.target, self.key = target, key
        self.folder = target.with_name(f"{target.name}.partial")
        self.values: Arrays = {}
        self._written = time.monotonic()
        # Disks are slow to confirm; the work goes on meanwhile.
        self._writer = ThreadPoolExecutor(1)
        self._entry: Future[None] | None = None
        if not self._load():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()

    @property
    def unfinished(self) -> str:
        """Where the result is written."""
        return str(self.folder / "result")

    def path(self, name: str) -> str:
        """Give the place of another file of the work."""
        return str(self.folder / name)

    def is_due(self, times: float = 1.0) -> bool:
        """Tell whether it is time for an entry, after so many times the usual pause."""
        is_free = self._entry is None or self._entry.done()
        return is_free and time.monotonic() - self._written >= times * SECONDS

    def write(self, values: Arrays, sync: Callable[[], None] = lambda: None) -> None:
        """Replace the entry, in the background.

        Parameters
        ----------
        values : dict of arrays
            What is known; not to be changed any more.
        sync : callable, optional
            Brings to the disk what the entry tells of.
        """
        self.wait()
        self.values = values
        self._written = time.monotonic()
        self._entry = self._writer.submit(self._write, values, sync)

    def wait(self) -> None:
        """Wait until the last entry is on the disk."""
        if self._entry is not None:
            self._entry.result()

    def close(self) -> None:
        """Leave all as it is, for a run to come."""
        self._writer.shutdown()

    def _write(self, values: Arrays, sync: Callable[[], None]) -> None:
        sync()
        new = self.folder / "record.new"
        with new.open("wb") as file:
            np.savez(file, key=np.array(self.key), **values)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.folder / "record.npz")

    def finish(self) -> None:
        """Put the result in its place and remove the rest."""
        self.wait()
        unfinished = Path(self.unfinished)
        if unfinished.is_dir() and self.target.exists():
            old = self.folder / "old"
            self.target.replace(old)
        unfinished.replace(self.target)
        shutil.rmtree(self.folder)

    def _load(self) -> bool:
        try:
            with np.load(self.folder / "record.npz") as entry:
                if str(entry["key"]) != self.key:
                    return False
                self.values = {name: entry[name] for name in entry.files if name != "key"}
        except (OSError, ValueError, KeyError, EOFError):
            return False
        return True

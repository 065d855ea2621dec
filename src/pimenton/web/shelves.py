"""Where the files of results lie: a folder of this machine, or a store that others run.

A shelf is four functions over names. What is written is there whole or not at all: a folder by
renaming, a store because it takes objects so.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from pimenton.errors import one_line
from pimenton.formats import write_atomically


@dataclass(frozen=True)
class Shelf:
    """Files by their names.

    Attributes
    ----------
    write : callable
        Takes a name and a content.
    read : callable
        Gives the content of a name, or None if there is none.
    remove : callable
        Takes a name away, if it is there.
    older : callable
        Gives the names that are older than so many seconds.
    """

    write: Callable[[str, bytes], None]
    read: Callable[[str], bytes | None]
    remove: Callable[[str], None]
    older: Callable[[float], Iterable[str]]


def folder(root: Path) -> Shelf:
    """Keep files in a folder, which is made; nobody but its owner can read it.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(name: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return (root / name).read_bytes()
        return None

    def older(seconds: float) -> Iterator[str]:
        # Also what is half written: its name is a temporary one.
        for file in root.iterdir():
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < time.time() - seconds:
                    yield file.name

    return Shelf(
        lambda name, data: write_atomically(root / name, data),
        read,
        lambda name: (root / name).unlink(missing_ok=True),
        older,
    )


def store(address: str, endpoint: str | None = None) -> Shelf:
    """Keep files in a store that fsspec knows; what opens it is in the environment.

    Parameters
    ----------
    address : str
        Such as ``s3://bucket/folder``.
    endpoint : str, optional
        Of S3, in place of Amazon's.

    Raises
    ------
    ImportError
        If what reads such addresses is not installed.
    ValueError
        If the address is of a kind that is not known.
    """
    try:
        from fsspec.core import url_to_fs

        choices: dict[str, Any] = {"endpoint_url": endpoint} if endpoint else {}
        files, root = url_to_fs(address, use_listings_cache=False, **choices)
    except ImportError as error:
        raise ImportError(
            "results in a store need fsspec and s3fs: pip install 'pimenton[remote]'"
        ) from error

    def asked(call: Callable[..., Any], name: str, *data: bytes) -> Any:
        """Ask the store for one file; whatever is wrong with it is one kind of error to us."""
        try:
            return call(f"{root}/{name}", *data)
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{address}: {one_line(error)}") from error

    def read(name: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return bytes(asked(files.cat_file, name))
        return None

    def remove(name: str) -> None:
        with suppress(FileNotFoundError):
            asked(files.rm_file, name)

    def older(seconds: float) -> Iterator[str]:
        found = asked(partial(files.find, detail=True), "")
        for name, facts in found.items():
            at = facts.get("LastModified") or facts.get("created") or facts.get("mtime")
            at = at.timestamp() if isinstance(at, datetime) else at
            if at is not None and at < time.time() - seconds:
                yield name.rpartition("/")[2]

    return Shelf(partial(asked, files.pipe_file), read, remove, older)

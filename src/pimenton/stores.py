"""Files in stores that speak by URL: S3, Google, Azure, the web, and what else fsspec knows.

A store answers late, or with an error that is gone a moment later: everything asked is asked again
a few times, and what still fails is an ``OSError`` that names the file.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import PurePath, PurePosixPath
from typing import Any, TypeVar

from pimenton.errors import one_line

T = TypeVar("T")

# Seconds before asking again; stores' own libraries wait up to as long within one try.
PAUSES = (0.5, 2.0)

# Answers that stay as they are, however often one asks.
_FINAL = (FileNotFoundError, PermissionError, FileExistsError, NotImplementedError)

# Where an object is written by one request: it is there whole or not at all. Elsewhere it is
# written under another name and moved.
WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory"}

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of a file without reading it.

    Attributes
    ----------
    n_bytes : int
        Its size.
    modified : int or None
        When it was last written, in nanoseconds since 1970; None where the store does not tell.
    mode : int or None
        Permissions, of a file of this machine.
    mark : str
        The digest that was written beside the content; empty if there is none.
    """

    n_bytes: int
    modified: int | None = None
    mode: int | None = None
    mark: str = ""

    def is_older_than(self, other: "State") -> bool:
        """Tell whether this file was surely written before another."""
        known = self.modified is not None and other.modified is not None
        return known and self.modified < other.modified  # type: ignore[operator]


@dataclass(frozen=True)
class Url:
    """A file in a store; has the names that a path has.

    Attributes
    ----------
    text : str
        The URL.
    listed : State or None
        What a listing told of it.

    Examples
    --------
    >>> photo = Url("s3://bucket/in/photo.JPG")
    >>> photo.name, photo.suffix, str(photo.with_name("other.png"))
    ('photo.JPG', '.JPG', 's3://bucket/in/other.png')
    """

    text: str
    listed: State | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.text

    @property
    def protocol(self) -> str:
        """What comes before the first colon."""
        return self.text.partition(":")[0].lower()

    @property
    def name(self) -> str:
        """The last part; of a web address, without what is asked."""
        return self._posix.name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self._posix.stem

    @property
    def suffix(self) -> str:
        """The ending with its point."""
        return self._posix.suffix

    @property
    def _posix(self) -> PurePosixPath:
        is_web = self.protocol in ("http", "https")
        return PurePosixPath(re.split("[?#]", self.text)[0] if is_web else self.text)

    def with_name(self, name: str) -> "Url":
        """Give the URL of another file in the same folder."""
        return Url(f"{self.text.rpartition('/')[0]}/{name}")

    def __truediv__(self, inner: PurePath | str) -> "Url":
        return Url(f"{self.text.rstrip('/')}/{PurePosixPath(inner)}")

    def read_bytes(self) -> bytes:
        """Read the whole file."""
        how = _READING.get(self.protocol, {})
        return self.ask(lambda files, path: bytes(files.cat_file(path, **how)))

    def look(self) -> State | None:
        """Ask for what is known of the file; None if there is none."""
        try:
            return self.ask(_LOOKS.get(self.protocol, _look))
        except FileNotFoundError:
            return None

    def write(self, data: bytes, mark: str) -> None:
        """Write the file, whole or not at all where the store allows, with a mark beside it."""
        self.ask(lambda files, path: self._put(files, path, data, mark))

    def _put(self, files: Any, path: str, data: bytes, mark: str) -> None:
        if self.protocol in WHOLE:
            files.pipe_file(path, data, **_BESIDE.get(self.protocol, _nothing)(mark))
            return
        folder, _, name = path.rpartition("/")
        files.makedirs(folder, exist_ok=True)
        partial = f"{folder}/.pimenton-{random.getrandbits(64):016x}-{name}"
        files.pipe_file(partial, data)
        files.mv(partial, path)

    def below(self) -> Iterator[tuple[str, "Url"]]:
        """List the files under this URL: names from here on, in their order, and files."""
        yield from _LISTS.get(self.protocol, _walk)(self)

    def ask(self, question: Callable[[Any, str], T]) -> T:
        """Ask the store, again where the answer may become another."""
        files, path = self.opened()
        for pause in (*PAUSES, None):
            try:
                return question(files, path)
            except NotImplementedError as error:
                raise OSError(f"{self}: {self.protocol}:// cannot be written to") from error
            except _FINAL as error:
                raise type(error)(f"{self}: {_said(error)}") from error
            except Exception as error:
                # Each store's library has exceptions of its own for a line that breaks.
                if pause is None:
                    raise OSError(f"{self}: {_said(error)}") from error
                time.sleep(pause * random.uniform(0.5, 1.5))
        raise AssertionError("the last try returns or raises")

    def opened(self) -> tuple[Any, str]:
        """Give what speaks to the store, and the file's name there.

        Raises
        ------
        ValueError
            If the store is unknown, or what speaks to it is not installed.
        """
        try:
            from fsspec.core import url_to_fs

            files, path = url_to_fs(self.text, use_listings_cache=False)
        except ImportError as error:
            raise ValueError(
                f"{self}: {self.protocol}:// needs more: pip install 'pimenton[remote]' ({error})"
            ) from error
        return files, str(path)


def is_url(text: str) -> bool:
    """Tell whether a name is a URL and not one of this machine.

    Examples
    --------
    >>> is_url("s3://bucket/photo.png"), is_url("file:///photo.png"), is_url("C:/photo.png")
    (True, False, False)
    """
    return bool(_URL.match(text)) and not text.lower().startswith("file://")


def _said(error: Exception) -> str:
    return one_line(error) or type(error).__name__


def _look(files: Any, path: str) -> State:
    files.invalidate_cache()
    return _state_of(files.info(path))


def _state_of(info: dict[str, Any]) -> State:
    """Take from a store's answer what every store calls otherwise."""
    names = ("LastModified", "last_modified", "updated", "mtime", "created")
    when = next((info[name] for name in names if info.get(name) is not None), None)
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    if isinstance(when, datetime):
        when = when.timestamp()
    modified = None if when is None else round(when * 10**9)
    return State(n_bytes=int(info.get("size") or 0), modified=modified)


def _look_in_s3(files: Any, path: str) -> State:
    # One request; `info` would list what is not there, to find out whether it is a folder.
    bucket, key, _ = files.split_path(path)
    head = files.call_s3("head_object", Bucket=bucket, Key=key)
    state = _state_of({**head, "size": head["ContentLength"]})
    return replace(state, mark=head.get("Metadata", {}).get("pimenton", ""))


def _nothing(mark: str) -> dict[str, Any]:
    return {}


def _beside_in_s3(mark: str) -> dict[str, Any]:
    return {"Metadata": {"pimenton": mark}}


def _walk(root: Url) -> Iterator[tuple[str, Url]]:
    """List folder by folder; one folder's names are held."""
    path = root.opened()[1]
    top = f"{path.rstrip('/')}/"
    waiting = [top]
    while waiting:
        folder = waiting.pop().rstrip("/")
        entries = root.ask(partial(_entries, folder))
        below = [entry for entry in entries if str(entry["name"]).startswith(top)]
        below.sort(key=lambda entry: str(entry["name"]))
        folders = (str(entry["name"]) for entry in reversed(below) if entry["type"] == "directory")
        # A folder without a name would be listed again and again.
        waiting += [name for name in folders if name.rstrip("/") != folder]
        for entry in below:
            if entry["type"] == "file":
                inner = str(entry["name"])[len(top) :]
                yield inner, replace(root / inner, listed=_state_of(entry))


def _entries(folder: str, files: Any, _: str) -> list[dict[str, Any]]:
    return list(files.ls(folder, detail=True))


def _pages_of_s3(root: Url) -> Iterator[tuple[str, Url]]:
    """List a thousand names at a time, as S3 gives them."""
    files, path = root.opened()
    bucket, prefix, _ = files.split_path(path)
    top = f"{prefix.rstrip('/')}/" if prefix else ""
    asked = {"Bucket": bucket, "Prefix": top}
    while True:
        page = root.ask(lambda files, _: files.call_s3("list_objects_v2", **asked))
        for entry in page.get("Contents", ()):
            inner = str(entry["Key"])[len(top) :]
            state = _state_of({**entry, "size": entry["Size"]})
            yield inner, replace(root / inner, listed=state)
        if not page.get("IsTruncated"):
            return
        asked["ContinuationToken"] = page["NextContinuationToken"]


# What a store can do better than all can: with one request, or with less held.
_READING: dict[str, dict[str, Any]] = {"s3": {"max_concurrency": 1}}
_LOOKS: dict[str, Callable[[Any, str], State]] = {"s3": _look_in_s3}
_BESIDE: dict[str, Callable[[str], dict[str, Any]]] = {"s3": _beside_in_s3}
_LISTS: dict[str, Callable[[Url], Iterator[tuple[str, Url]]]] = {"s3": _pages_of_s3}

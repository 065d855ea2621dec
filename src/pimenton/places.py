"""Places: files of this machine by path, files in stores by URL, asked and written alike."""

import os
import stat
import urllib.parse
from pathlib import Path
from typing import TypeAlias

from pimenton import marks
from pimenton.formats import write_atomically
from pimenton.stores import State, Url, is_url

Place: TypeAlias = Path | Url


def place_of(text: str) -> Place:
    """Take a path or a URL.

    Examples
    --------
    >>> str(place_of("s3://bucket/photo.png")), str(place_of("file:///photo%201.png"))
    ('s3://bucket/photo.png', '/photo 1.png')
    """
    if is_url(text):
        return Url(text)
    if text.lower().startswith("file://"):
        # Brings in all of HTTP, which a command on plain files would wait for.
        from urllib.request import url2pathname

        return Path(url2pathname(urllib.parse.urlsplit(text).path))
    return Path(text)


def look(place: Place) -> State | None:
    """Tell what is known of a file without reading it; None if there is none."""
    if isinstance(place, Url):
        return place.look()
    try:
        state = place.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return State(n_bytes=state.st_size, modified=state.st_mtime_ns, mode=state.st_mode)


def look_at_source(place: Place) -> State:
    """Tell what is known of a file that is to be read; what a listing told is enough.

    Raises
    ------
    OSError
        If there is none.
    """
    if isinstance(place, Url) and place.listed:
        return place.listed
    state = look(place)
    if state is None:
        raise FileNotFoundError(2, os.strerror(2), str(place))
    return state


def content_of(place: Place) -> Path | bytes:
    """Give what pictures are read from: the file itself here, its content from elsewhere."""
    return place.read_bytes() if isinstance(place, Url) else place


def mark_of(place: Place, state: State | None = None) -> str:
    """Find the digest in a file or beside it; empty if there is none."""
    if isinstance(place, Path):
        return marks.mark_of(place)
    if state and state.mark:
        return state.mark
    return marks.mark_in(place.read_bytes())


def write(place: Place, data: bytes, mark: str, like: State, *, preserve_times: bool) -> None:
    """Write a file, whole or not at all, in a new folder if need be.

    Parameters
    ----------
    place : Place
        The file.
    data : bytes
        Its content.
    mark : str
        The digest that the file is known by afterwards.
    like : State
        Whose permissions a new file of this machine gets.
    preserve_times : bool
        Whether it gets that time, too.
    """
    if isinstance(place, Url):
        place.write(data, mark)
        return
    is_new = not place.exists()
    place.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(place, data)
    if is_new and like.mode is not None:
        place.chmod(stat.S_IMODE(like.mode) & 0o777)
    if preserve_times and like.modified is not None:
        os.utime(place, ns=(like.modified, like.modified))
    if marks.mark_in(data) != mark:
        marks.put_on(place, mark)

"""Marks: a digest of the choices, in the file that was made with them.

A file that bears the digest of the same choices is done, and so is a source that bears it: it is
not made smaller a second time. A format without a place for it, and an original that was better
than its result, have it as an extended attribute where the file system knows such.
"""

import os
import re
from binascii import crc32
from contextlib import suppress
from pathlib import Path
from typing import Any

# Found in any format, whatever stands between the two parts: a PNG's text has a zero there.
NAME = b"pimenton"
_MARK = re.compile(rb"pimenton[\0 ]([0-9a-f]{10})(?![0-9a-f])")
_ATTRIBUTE = "user.pimenton"


def digest_of(**choices: Any) -> str:
    """Give ten hex digits for all that decides a result's bytes.

    Examples
    --------
    >>> digest_of(n_colors=16) == digest_of(n_colors=16) != digest_of(n_colors=8)
    True
    """
    said = repr(sorted(choices.items())).encode()
    # Two sums of 32 bits that a change hits in different ways; nobody gains by forging a mark.
    return f"{crc32(said):08x}{crc32(said[::-1]) & 0xFF:02x}"


def mark_in(data: bytes) -> str:
    r"""Find the digest in a file's content; empty if there is none.

    Examples
    --------
    >>> mark_in(b"...tEXtpimenton\x000123456789...")
    '0123456789'
    """
    found = _MARK.search(data)
    return found[1].decode() if found else ""


def mark_of(path: Path) -> str:
    """Find the digest in a file or on it; empty if there is none or the file cannot be read."""
    try:
        return _attribute_of(path) or mark_in(path.read_bytes())
    except OSError:
        return ""


def put_on(path: Path, digest: str) -> None:
    """Mark a file whose content stays as it is, where the file system can."""
    with suppress(OSError, AttributeError):
        os.setxattr(path, _ATTRIBUTE, f"{digest} {_state_of(path)}".encode())


def _attribute_of(path: Path) -> str:
    """Read the attribute, unless the file was written to since."""
    with suppress(OSError, AttributeError):
        digest, _, state = os.getxattr(path, _ATTRIBUTE).decode("ascii", "replace").partition(" ")
        return digest if state == _state_of(path) else ""
    return ""


def _state_of(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"

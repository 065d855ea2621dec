"""The exceptions of the package; a wrong argument is a ValueError or a TypeError."""

import os
import re


class UnreadableImage(Exception):
    """An input is not a picture, or a damaged one; the message begins with its source."""


class ImageTooLarge(UnreadableImage):
    """A picture has more pixels than the limit allows."""


class QualityNotReached(Exception):
    """An explicitly asked quality or size cannot be met."""


def one_line(error: Exception) -> str:
    """Put an error in one line that names the file first.

    Examples
    --------
    >>> one_line(FileNotFoundError(2, "No such file or directory", "photo.png"))
    'photo.png: No such file or directory'
    >>> one_line(ValueError())
    'ValueError'
    """
    if isinstance(error, OSError) and error.strerror:
        name = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return printable(f"{name}{error.strerror}")
    return printable(str(error).strip()) or type(error).__name__


def printable(name: object) -> str:
    r"""Spell control characters out, so that a name or a sentence takes one line.

    Examples
    --------
    >>> printable("new\nline.png") == "new" + chr(92) + "nline.png"
    True
    """
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: repr(found[0])[1:-1], str(name))

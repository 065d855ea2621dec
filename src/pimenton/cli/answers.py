"""What the commands say, and how they end."""

import sys
from io import TextIOWrapper
from pathlib import Path

FAILED = 1
USAGE = 2


def complain(sentence: str, status: int = FAILED) -> int:
    """Say on standard error what went wrong, and give the exit status."""
    print(f"pimenton: {sentence}", file=sys.stderr)
    return status


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise FileExistsError if a file exists and is not to be replaced."""
    if path.exists() and not force:
        raise FileExistsError(f"{path}: exists; use --force to replace it")


def take_any_name() -> None:
    """Let names be printed that are no text: as the bytes they are, or spelt out."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            is_utf8 = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")


def size_text(n_bytes: int) -> str:
    """Write a size in the unit that suits it.

    Examples
    --------
    >>> size_text(512), size_text(20_500), size_text(123_456_789)
    ('512 B', '20.5 kB', '123.5 MB')
    """
    for unit, factor in (("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= factor * (10 if unit == "MB" else 1):
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes} B"

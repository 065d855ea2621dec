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

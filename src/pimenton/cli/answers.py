"""What the commands say, and how they end."""

import sys
from pathlib import Path

from pimenton.errors import QualityNotReached, UnreadableImage

FAILED = 1
USAGE = 2

# What a bad input or an unlucky disk gives: one line to the user, never a traceback.
FAILURES = (UnreadableImage, QualityNotReached, OSError, ValueError)


def complain(sentence: str, status: int = FAILED) -> int:
    """Say on standard error what went wrong, and give the exit status."""
    print(f"pimenton: {sentence}", file=sys.stderr)
    return status


def said(error: Exception) -> str:
    """Put an error in one line that names the file first."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise FileExistsError if a file exists and is not to be replaced."""
    if path.exists() and not force:
        raise FileExistsError(f"{path}: exists; use --force to replace it")

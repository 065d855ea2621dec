"""Pages: in which language, and where they go."""

import argparse
import os
import sys
from pathlib import Path

from pimenton.cli.answers import refuse_existing
from pimenton.formats import write_atomically
from pimenton.page import LANGUAGES, Picture


def language_of(chosen: argparse.Namespace) -> str:
    """Give the language asked for, or the locale's if pages speak it, or English."""
    if chosen.lang:
        return str(chosen.lang)
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((name for name in names if name), "")
    language = locale.partition("_")[0].partition(".")[0]
    return language if language in LANGUAGES else "en"


def read_picture(path: Path) -> Picture:
    """Read a picture from a file, or from standard input for ``-``."""
    if str(path) == "-":
        return Picture.read(sys.stdin.buffer.read(), name="standard input")
    return Picture.read(path)


def write_page(page: str, target: Path, *, force: bool) -> None:
    """Write a page to a file, or to standard output for ``-``, and say its name and size."""
    data = page.encode()
    if str(target) == "-":
        sys.stdout.buffer.write(data)
        return
    refuse_existing(target, force=force)
    write_atomically(target, data)
    print(f"{target}: {len(data) / 1e6:.1f} MB", file=sys.stderr)

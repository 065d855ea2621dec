"""Files: which to write, which to keep, and many of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pimenton.formats import format_of, write_atomically
from pimenton.options import Options
from pimenton.pipeline import compress_pixels
from pimenton.reading import read_image
from pimenton.report import Compressed

ENDING = ".min.png"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one file.

    Attributes
    ----------
    source, target : Path
        The file that was read, and the one that was, or would have been, written.
    written : bool
        Whether the target was written.
    kept : str
        Why it was not; empty if it was.
    result : Compressed
        The compressed picture, written or not.
    """

    source: Path
    target: Path
    written: bool
    kept: str
    result: Compressed

    def to_dict(self) -> dict[str, Any]:
        """Give one flat record, ready for JSON."""
        return {
            "input": str(self.source),
            "output": str(self.target),
            "written": self.written,
            **self.result.report.to_dict(),
        }


def compress_file(
    source: Path,
    target: Path | None,
    options: Options,
    *,
    force: bool = False,
    allow_larger: bool = False,
    n_threads: int | None = None,
) -> Outcome:
    """Compress one file into another, unless that would lose or gain nothing.

    Parameters
    ----------
    source : Path
        The picture.
    target : Path or None
        The file to write; None for ``NAME.min.png`` beside the source.
    options : Options
        The choices.
    force : bool, optional
        Replace the target if it exists.
    allow_larger : bool, optional
        Write a result that is not smaller than a source of the same format.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Returns
    -------
    Outcome

    Raises
    ------
    FileExistsError
        If the target exists and is not to be replaced.
    UnreadableImage, OSError, ValueError
        As ``compress``.
    """
    target = target or source.with_name(source.stem + ENDING)
    format = format_of(target)
    if target.exists() and not force:
        raise FileExistsError(f"{target}: exists; use --force to replace it")
    pixels = read_image(source)
    size = source.stat().st_size
    result = compress_pixels(pixels, format, options, input_bytes=size, n_threads=n_threads)
    same_format = _is_format(source, format)
    if same_format and len(result.data) >= size and not allow_larger:
        return Outcome(
            source=source, target=target, written=False, kept="kept the original", result=result
        )
    write_atomically(target, result.data)
    return Outcome(source=source, target=target, written=True, kept="", result=result)


def _is_format(path: Path, format: str) -> bool:
    try:
        return format_of(path) == format
    except ValueError:
        return False

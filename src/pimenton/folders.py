"""Which files there are to compress, and where their results go."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from glob import glob, has_magic
from pathlib import Path

from pimenton.batch import FAILURES, Job
from pimenton.fitting import palette_of
from pimenton.formats import TEMPORARY, format_of
from pimenton.histogram import Histogram
from pimenton.options import Options
from pimenton.reading import read_image

# Endings of the names under which pictures are looked for in folders.
ENDINGS = {
    *(".avif", ".gif", ".heic", ".heif", ".ico", ".psd", ".qoi", ".webp"),
    *(".apng", ".png", ".bmp", ".dib", ".pbm", ".pgm", ".pnm", ".ppm", ".tif", ".tiff"),
    *(".jfif", ".jpe", ".jpeg", ".jpg"),
}

# What stands in the names of results that lie beside their originals.
MIN = ".min"

_TEMPORARY = re.compile(re.escape(TEMPORARY) + r"(\d+)-[0-9a-f]+")


def find_jobs(
    inputs: Sequence[str],
    *,
    to: Path | None = None,
    in_place: bool = False,
    format: str | None = None,
) -> list[Job]:
    """Find the files that inputs stand for, and where the result of each goes.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders, which stand for all pictures below them, and patterns such as
        ``photos/**/*.png``. A file that several inputs name is taken once.
    to : Path, optional
        Folder for the results: a file goes there under its own name, a folder's files keep their
        tree, which has the folder's name before it if there are several folders.
    in_place : bool, optional
        The results replace their sources.
    format : str, optional
        A key of ``FORMATS``, in place of the source's format, or PNG where that cannot be written.

    Returns
    -------
    list of Job
        Without ``to`` and ``in_place``, results go beside their sources as ``NAME.min.png``.

    Raises
    ------
    FileNotFoundError
        If a pattern or a folder stands for no picture.
    """
    found: dict[Path, Path] = {}
    n_folders = sum(Path(input).is_dir() for input in inputs)
    for input in inputs:
        for source, inner in _sources(input, with_name=n_folders > 1):
            if to is not None and _is_below(source, to):
                continue
            beside = to is None and not in_place
            if beside and source.stem.endswith(MIN) and str(source) != input:
                continue
            found.setdefault(source, inner)
    if in_place:
        return [Job(source, source) for source in found]
    if to is not None:
        places = {source: to / inner for source, inner in found.items()}
        return _named(places, format, "")
    return [Job(job.source, job.target) for job in _named({s: s for s in found}, format, MIN)]


def share_palette(
    jobs: Iterable[Job],
    options: Options,
    *,
    lenient: bool = False,
    n_threads: int | None = None,
) -> Options:
    """Impose on many files the palette that all of them together would have.

    Parameters
    ----------
    jobs : iterable of Job
        The files; those that cannot be read have no say.
    options : Options
        The choices.
    lenient : bool, optional
        As in ``read_image``.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.

    Returns
    -------
    Options
        With the palette.
    """
    histogram: Histogram | None = None
    for job in jobs:
        try:
            own = Histogram.of(read_image(job.source, lenient=lenient), n_threads=n_threads)
        except FAILURES:
            continue
        histogram = own if histogram is None else histogram + own
    if histogram is None:
        return options
    palette = palette_of(histogram, options, n_threads=n_threads)
    return replace(options, palette=palette.hex, n_colors=None, lock=None, depth=None)


def remove_stale(folders: Iterable[Path]) -> int:
    """Remove temporary files whose process has ended; give their number."""
    n_removed = 0
    for folder in set(folders):
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                found = _TEMPORARY.fullmatch(entry.name)
                if found and not _is_running(int(found[1])):
                    with suppress(OSError):
                        os.unlink(entry.path)
                        n_removed += 1
    return n_removed


def _sources(input: str, *, with_name: bool) -> Iterator[tuple[Path, Path]]:
    """Yield each file that an input stands for, and its place in the tree of results."""
    path = Path(input)
    if path.is_dir():
        below = list(_pictures_below(path))
        if not below:
            raise FileNotFoundError(f"{path}: no picture in this folder")
        name = Path(path.resolve().name) if with_name else Path()
        for source in below:
            yield source, name / source.relative_to(path)
    elif has_magic(input) and not path.exists():
        matches = sorted(Path(name) for name in glob(input, recursive=True, include_hidden=False))
        pictures = [match for match in matches if _has_ending(match) and match.is_file()]
        if not pictures:
            raise FileNotFoundError(f"{input}: no picture has such a name")
        for source in pictures:
            yield source, source.relative_to(_fixed_part(input))
    else:
        yield path, Path(path.name)


def _pictures_below(folder: Path) -> Iterator[Path]:
    """Walk down a folder in the order of names, past what is hidden and links to folders."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and _has_ending(path) and _is_regular(path):
                yield path


def _has_ending(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def _is_regular(path: Path) -> bool:
    # A pipe or a device would be waited for.
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _fixed_part(pattern: str) -> Path:
    """Give the folders of a pattern before its first wildcard."""
    parts = Path(pattern).parts[:-1]
    fixed = next((i for i, part in enumerate(parts) if has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def _named(places: dict[Path, Path], format: str | None, infix: str) -> list[Job]:
    """Name results after the places of their originals; no two get the same name.

    Raises
    ------
    ValueError
        If two originals have the same place.
    """
    names = {source: _written_as(place, format, infix) for source, place in places.items()}
    owners: dict[Path, Path] = {}
    # Who keeps the original's ending has the first claim on the name.
    for source in sorted(names, key=lambda source: names[source].suffix != source.suffix):
        place = places[source]
        if names[source] in owners and names[source] != place:
            names[source] = place.with_name(f"{place.name}{infix}{names[source].suffix}")
        other = owners.setdefault(names[source], source)
        if other != source:
            raise ValueError(f"{other} and {source} would both become {names[source]}")
    return [Job(source, names[source], place) for source, place in places.items()]


def _written_as(place: Path, format: str | None, infix: str) -> Path:
    """Give a result's name: with another ending if the original's format is not written."""
    try:
        own = format_of(place)
    except ValueError:
        own = ""
    if format in (None, own) and own and not infix:
        return place
    return place.with_name(f"{place.stem}{infix}.{format or ('png' if infix else own or 'png')}")


def _is_running(process: int) -> bool:
    # Windows would end it, and does not let go of a file that is being written.
    if os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

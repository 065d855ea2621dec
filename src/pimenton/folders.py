"""Which files there are to compress, and where their results go."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from glob import glob, has_magic
from pathlib import Path

from pimenton.batch import Job
from pimenton.formats import HOST, TEMPORARY, format_of
from pimenton.places import Place, place_of
from pimenton.stores import Url

# Endings of the names under which pictures are looked for in folders.
ENDINGS = {
    *(".avif", ".gif", ".heic", ".heif", ".ico", ".psd", ".qoi", ".webp"),
    *(".apng", ".png", ".bmp", ".dib", ".pbm", ".pgm", ".pnm", ".ppm", ".tif", ".tiff"),
    *(".jfif", ".jpe", ".jpeg", ".jpg"),
}

# What stands in the names of results that lie beside their originals.
MIN = ".min"

_TEMPORARY = re.compile(re.escape(TEMPORARY) + rf"(\d+)-{HOST}[0-9a-f]+")


def find_jobs(
    inputs: Sequence[str],
    *,
    to: Place | None = None,
    in_place: bool = False,
    format: str | None = None,
) -> Iterator[Job]:
    """Find the files that inputs stand for, and where the result of each goes.

    Files of a single folder are told while it is being listed, so that there may be any number of
    them; several inputs are all listed first, since they may name one file twice.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders, which stand for all pictures below them, and patterns such as
        ``photos/**/*.png``, by path or URL. A file that several inputs name is taken once. A URL
        whose name has no picture's ending is a folder.
    to : Path or Url, optional
        Folder for the results: a file goes there under its own name, a folder's files keep their
        tree, which has the folder's name before it if there are several folders.
    in_place : bool, optional
        The results replace their sources.
    format : str, optional
        A key of ``FORMATS``, in place of the source's format, or PNG where that cannot be written.

    Yields
    ------
    Job
        Without ``to`` and ``in_place``, results go beside their sources as ``NAME.min.png``.

    Raises
    ------
    FileNotFoundError
        If a pattern or a folder stands for no picture.
    """
    n_folders = sum(map(_is_folder, inputs))
    listed = (
        (source, inner)
        for input in inputs
        for source, inner in _sources(input, with_name=n_folders > 1)
        if _is_wanted(source, input, to, in_place)
    )
    is_one_folder = len(inputs) == n_folders == 1
    for group in _neighbours(listed) if is_one_folder else [_once(listed)]:
        if in_place:
            yield from (Job(source, source) for source in group)
        elif to is not None:
            places = {source: to / inner for source, inner in group.items()}
            yield from _named(places, format, "")
        else:
            for job in _named({source: source for source in group}, format, MIN):
                yield Job(job.source, job.target)


def remove_stale(folders: Iterable[Path]) -> int:
    """Remove temporary files of this machine whose process has ended; give their number."""
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


def is_remote_folder(input: str) -> bool:
    """Tell whether an input stands for many files in a store, and who knows how many."""
    place = place_of(input)
    return isinstance(place, Url) and not (_has_ending(place) and "*" not in input)


def _is_folder(input: str) -> bool:
    place = place_of(input)
    return is_remote_folder(input) if isinstance(place, Url) else place.is_dir()


def _is_wanted(source: Place, input: str, to: Place | None, in_place: bool) -> bool:
    """Tell whether a file is not itself a result of ours."""
    if to is not None:
        return not _is_below(source, to)
    return in_place or not source.stem.endswith(MIN) or str(source) == input


def _once(listed: Iterable[tuple[Place, Path]]) -> dict[Place, Path]:
    found: dict[Place, Path] = {}
    for source, inner in listed:
        found.setdefault(source, inner)
    return found


def _neighbours(listed: Iterable[tuple[Place, Path]]) -> Iterator[dict[Place, Path]]:
    """Group the files of a folder whose results could get the same name.

    These are ``a.jpg`` and ``a.png``, and ``a.jpg.png`` with them, since this is what the first
    would be called for the second's sake. They stand side by side in the order of names, with
    nothing but what begins alike between them.
    """
    opened: list[tuple[str, dict[Place, Path]]] = []
    for source, inner in listed:
        name, stem = inner.as_posix(), inner.with_suffix("").as_posix()
        while opened and not name.startswith(opened[-1][0]):
            yield opened.pop()[1]
        joins = opened and (
            opened[-1][0] == f"{stem}." or stem in map(Path.as_posix, opened[-1][1].values())
        )
        if not joins:
            opened.append((f"{stem}.", {}))
        opened[-1][1][source] = inner
    while opened:
        yield opened.pop()[1]


def _sources(input: str, *, with_name: bool) -> Iterator[tuple[Place, Path]]:
    """Yield each file that an input stands for, and its place in the tree of results."""
    path = place_of(input)
    if isinstance(path, Url):
        yield from _remote_sources(path, with_name=with_name)
    elif path.is_dir():
        name = Path(path.resolve().name) if with_name else Path()
        source = None
        for source in _pictures_below(path):
            yield source, name / source.relative_to(path)
        if source is None:
            raise FileNotFoundError(f"{path}: no picture in this folder")
    elif has_magic(str(path)) and not path.exists():
        names = glob(str(path), recursive=True, include_hidden=False)
        matches = sorted(Path(name) for name in names)
        pictures = [match for match in matches if _has_ending(match) and match.is_file()]
        if not pictures:
            raise FileNotFoundError(f"{path}: no picture has such a name")
        for source in pictures:
            yield source, source.relative_to(_fixed_part(str(path)))
    else:
        yield path, Path(path.name)


def _remote_sources(url: Url, *, with_name: bool) -> Iterator[tuple[Place, Path]]:
    """Do so in a store: of a pattern, all below its fixed part is listed."""
    root, star, rest = url.text.partition("*")
    if _has_ending(url) and not star:
        yield url, Path(url.name)
        return
    head, _, tail = root.rpartition("/") if star else (root.rstrip("/"), "", "")
    wanted = _pattern_of(f"{tail}{star}{rest}") if star else None
    name = Path(Url(head).name) if with_name and not star else Path()
    is_empty = True
    for inner, source in Url(head).below():
        # What begins with a point is hidden; a part of two points would lead out of the folder.
        is_plain = all(part and not part.startswith(".") for part in inner.split("/"))
        if is_plain and _has_ending(source) and (wanted is None or wanted.fullmatch(inner)):
            is_empty = False
            yield source, name / inner
    if is_empty:
        what = "has such a name" if star else "in this folder"
        raise FileNotFoundError(f"{url}: no picture {what}")


def _pattern_of(pattern: str) -> re.Pattern[str]:
    from fsspec.utils import glob_translate

    return re.compile(glob_translate(pattern))


def _pictures_below(folder: Path) -> Iterator[Path]:
    """Walk down a folder in the order of names, past what is hidden and links to folders."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and _has_ending(path) and _is_regular(path):
                yield path


def _has_ending(path: Place) -> bool:
    return path.suffix.lower() in ENDINGS


def _is_regular(path: Path) -> bool:
    # A pipe or a device would be waited for.
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _is_below(place: Place, folder: Place) -> bool:
    if isinstance(place, Path) and isinstance(folder, Path):
        return place.resolve().is_relative_to(folder.resolve())
    return str(place).startswith(f"{str(folder).rstrip('/')}/")


def _fixed_part(pattern: str) -> Path:
    """Give the folders of a pattern before its first wildcard."""
    parts = Path(pattern).parts[:-1]
    fixed = next((i for i, part in enumerate(parts) if has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def _named(places: Mapping[Place, Place], format: str | None, infix: str) -> list[Job]:
    """Name results after the places of their originals; no two get the same name.

    Raises
    ------
    ValueError
        If two originals have the same place.
    """
    names = {source: _written_as(place, format, infix) for source, place in places.items()}
    owners: dict[Place, Place] = {}
    # Who keeps the original's ending has the first claim on the name.
    for source in sorted(names, key=lambda source: names[source].suffix != source.suffix):
        place = places[source]
        if names[source] in owners and names[source] != place:
            names[source] = place.with_name(f"{place.name}{infix}{names[source].suffix}")
        other = owners.setdefault(names[source], source)
        if other != source:
            raise ValueError(f"{other} and {source} would both become {names[source]}")
    return [Job(source, names[source], place) for source, place in places.items()]


def _written_as(place: Place, format: str | None, infix: str) -> Place:
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

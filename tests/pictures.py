"""Pictures on disk: the bundled photograph, and more where they lie beside the repository."""

from pathlib import Path

import pytest
from PIL import Image

from images import FRUITS, ROOT
from pimenton import read_image
from pimenton.pixels import Pixels


def shared_data(name: str) -> Path:
    """Give a folder or file of the picture collection; skip the test where it is not there."""
    path = ROOT.parent / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"no picture collection here: {name}")
    return path


def shared_picture(name: str) -> Pixels:
    """Read a picture of the collection."""
    return read_image(shared_data(name))


def small_photos(folder: Path, n: int) -> Path:
    """Make a folder of small photographs, no two alike."""
    folder.mkdir(parents=True)
    with Image.open(FRUITS) as picture:
        for i in range(n):
            x, y = 7 * i % (picture.width - 64), 5 * i % (picture.height - 48)
            picture.crop((x, y, x + 64, y + 48)).save(folder / f"{i}.png")
    return folder


def content_of(folder: Path) -> dict[str, bytes]:
    """Give the files below a folder by their names."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

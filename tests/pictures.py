"""Pictures on disk: the bundled photograph, and more where they lie beside the repository."""

from pathlib import Path

import pytest

from images import ROOT
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

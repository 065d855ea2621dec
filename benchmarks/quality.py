"""Bytes at equal looks: pimenton against pngquant + oxipng, Pillow and ImageMagick.

    python benchmarks/quality.py --data FOLDER [--out FOLDER] [--only SECTION ...] [--every N]

``make bench-quality DATA=FOLDER`` runs all of it. See ``benchmarks/README.md`` for the protocol.
"""

import argparse
import hashlib
from pathlib import Path

import one_thread  # noqa: F401 - first of all
import pimenton
from curves import curves
from equal import SAVED, Study, equal_looks, undeflated
from measuring import machine, version_of
from sides import sides
from speed import large_pictures, one_encodes
from tables import show_targets

SECTIONS = {
    "equal": equal_looks,
    "dithered": undeflated,
    "speed": one_encodes,
    "large": large_pictures,
    "curves": curves,
    "sides": sides,
}
TOOLS = ("pngquant-cli", "pyoxipng", "pillow", "flip-evaluator")


def package_digest() -> str:
    """Name the state of the package that is measured."""
    files = sorted(Path(pimenton.__file__).parent.rglob("*.py"))
    files += sorted(Path(pimenton._native.__file__).parent.glob("_native*"))
    content = b"".join(path.read_bytes() for path in files)
    return hashlib.sha256(content).hexdigest()[:12]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of test sets")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="where results are kept")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--every", type=int, default=1, help="take every Nth picture of a set")
    parser.add_argument("--variants", nargs="+", choices=SAVED, default=list(SAVED))
    given = parser.parse_args()
    print(f"# pimenton {pimenton.__version__} against pngquant + oxipng\n\n{machine()}")
    print(", ".join(f"{tool} {version_of(tool) or '(missing)'}" for tool in TOOLS))
    study = Study(given.data, given.out, package_digest(), given.every, tuple(given.variants))
    show_targets([target for name in given.only for target in SECTIONS[name](study)])


if __name__ == "__main__":
    main()

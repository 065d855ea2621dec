"""Measure every stage of the engine, and named peers, in one run.

    python benchmarks/engine.py [--data FOLDER] [--out FOLDER] [--only SECTION ...]

``make bench DATA=FOLDER`` runs all of it. See ``benchmarks/README.md`` for the protocol.
"""

import argparse
from pathlib import Path

import one_thread  # noqa: F401 - first of all
import pimenton
from large import large
from measuring import machine
from peers import PEERS
from photographs import against_converged, twelve_best
from rivals import against_imagequant, against_scikit_learn, plane
from stages import stages
from tables import show_targets

SECTIONS = {
    "stages": stages,
    "plane": plane,
    "imagequant": against_imagequant,
    "scikit-learn": against_scikit_learn,
    "photographs": against_converged,
    "best": twelve_best,
    "large": large,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of test sets")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="where the plot goes")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    given = parser.parse_args()
    print(f"# pimenton {pimenton.__version__} and its peers\n\n{machine()}")
    versions = {p: tool.version for tool in PEERS for p in tool.packages[:1]}
    print("Peers: " + ", ".join(f"{p} {v or '(missing)'}" for p, v in versions.items()) + ".")
    print("Medians of 3 to 15 runs after one to warm up; one thread unless a table says otherwise.")
    targets = []
    for name in given.only:
        found = SECTIONS[name](given.data, given.out)
        show_targets(found, f"Targets, {name}")
        targets += found
    show_targets(targets, "All targets")


if __name__ == "__main__":
    main()

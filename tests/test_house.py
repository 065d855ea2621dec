"""The shape of the package: layers, exports, documentation."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pimenton
from images import ROOT

LAYERS = {
    "errors": 0, "_native": 0,
    "pixels": 1, "colorspace": 1, "descent": 1, "clustering": 1, "difference": 1, "quality": 1,
    "histogram": 2, "tally": 2, "palette": 2, "grids": 2, "indexed": 2, "lookup": 2,
    "accents": 3, "bounds": 3, "diffusion": 3, "dithering": 3, "bands": 3,
    "texture": 3, "parsing": 3, "gif": 3, "ordering": 3, "webp": 3,
    "levels": 3, "trials": 3, "rate": 3,
    "orientation": 3, "profiles": 3, "png": 3, "soundness": 3,
    "marks": 3, "stores": 3,
    "reading": 3, "packing": 3, "formats": 3, "streams": 3,
    "frames": 3, "swatches": 3, "devices": 3, "places": 3, "metadata": 3, "tiled": 3,
    "options": 4, "fitting": 4, "report": 4, "drawing": 4, "drawings": 4, "aims": 4, "motion": 4,
    "still": 4, "animation": 4, "pipeline": 4, "batch": 4, "drop_in": 4,
    "folders": 4, "census": 4, "many": 4, "manifest": 4, "workers": 4, "cluster": 4,
    "tiles": 4, "arrays": 4, "page": 4, "curve": 4,
    "cli": 5, "web": 5, "plots": 5, "compare": 5, "explain": 5, "terminal": 5,
    "samples": 1, "estimator": 5,
    "__init__": 6, "__main__": 6,
}  # fmt: skip
# A picture saves and shows itself: the one import upwards, inside these methods.
UPWARD = {("indexed", "formats")}
# Commands bring in the other faces when they run.
SIDEWAYS = {("cli", face) for face in ("web", "plots", "compare", "explain", "curve", "terminal")}
SIDEWAYS |= {("web", "explain")}
SOURCES = sorted((ROOT / "src" / "pimenton").rglob("*.py"))


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Give the lines and names of a module's imports from the package."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pimenton"):
            parts = (node.module or "").split(".")
            names = parts[1:2] or [alias.name for alias in node.names if alias.name in LAYERS]
            found += [(node.lineno, name) for name in names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found += [(node.lineno, n[1]) for n in names if n[0] == "pimenton" and len(n) > 1]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_imports_point_downward(path: Path) -> None:
    module = path.relative_to(ROOT / "src" / "pimenton").parts[0].removesuffix(".py")
    assert module in LAYERS, f"{path}: say in which layer it is"
    for line, name in imports_of(path):
        if (module, name) in UPWARD | SIDEWAYS or name == module:
            continue
        below = LAYERS[name] < LAYERS[module] or (
            # Within a layer the tree's own order counts.
            LAYERS[name] == LAYERS[module] < 5
            and list(LAYERS).index(name) < list(LAYERS).index(module)
        )
        assert below, f"{path}:{line}: {module} may not import {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_modules_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            documented = ast.get_docstring(node, clean=False) or ""
            length = node.end_lineno - node.lineno - documented.count("\n")
            assert length <= 50, f"{path}:{node.lineno}: {node.name} has {length} lines"


@pytest.mark.parametrize("name", pimenton.__all__)
def test_exported_names_are_documented(name: str) -> None:
    assert getattr(pimenton, name).__doc__


def test_importing_brings_in_nothing_heavy() -> None:
    heavy = ("matplotlib", "sklearn", "scipy", "PIL", "starlette", "uvicorn", "oxipng", "click")
    names = [name for name in pimenton.__all__ if name != "KMeans"]
    code = (
        "import sys, pimenton; print('numpy' in sys.modules);"
        f"from pimenton import {', '.join(names)}; print([m for m in {heavy} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split("\n")[:2] == ["False", "[]"], result.stderr

"""Results are those of the golden file, on every processor."""

import json
import os
import subprocess
import sys

import pytest

from images import ROOT
from pimenton import _native

GOLDEN = ROOT / "tests" / "golden"
SLOW = "import sys; from pimenton import _native; _native.set_simd_width('baseline'); "
SLOW += f"sys.path.insert(0, {str(GOLDEN)!r}); import json, make; print(json.dumps(make.figures()))"


def printed(*words: str, **settings: str) -> dict[str, dict[str, object]]:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", *words],
        capture_output=True, text=True, check=True, env={**os.environ, **settings},
    )  # fmt: skip
    figures: dict[str, dict[str, object]] = json.loads(result.stdout)
    return figures


@pytest.mark.parametrize("simd", ["widest", "baseline", "numpy baseline"])
def test_results_are_the_golden_ones(simd: str) -> None:
    if simd == "widest":
        figures = printed(str(GOLDEN / "make.py"), "--print")
    elif simd == "baseline":
        figures = printed("-c", SLOW)
    else:
        disabled = {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX"}
        figures = printed("-c", SLOW, **disabled)
    golden = json.loads((GOLDEN / "figures.json").read_text())
    assert {k: v["sha256"] for k, v in figures.items()} == {
        k: v["sha256"] for k, v in golden.items()
    }
    for name, figure in figures.items():
        assert figure["inertia"] == pytest.approx(golden[name]["inertia"], rel=1e-9)


def test_an_unknown_width_is_refused() -> None:
    with pytest.raises(ValueError, match="baseline, avx2 or avx512"):
        _native.set_simd_width("mmx")

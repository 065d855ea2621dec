"""Makes the tests' own modules importable and bounds hypothesis."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("pimenton", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("few", settings.get_profile("pimenton"), max_examples=8)
settings.load_profile("pimenton")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start a browser that all tests share."""
    from browsing import launched

    yield from launched()


@pytest.fixture
def widths() -> Iterator[list[str]]:
    """Give the SIMD widths of this processor, and put the widest back afterwards."""
    from pimenton import _native

    names = ["baseline", "avx2", "avx512"]
    widest = _native.simd_width()
    yield names[: names.index(widest) + 1]
    _native.set_simd_width(widest)


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open pages, and see at the end that none complained or fetched anything."""
    from browsing import visiting

    yield from visiting(browser, tmp_path)

"""What the README and the pages say is so."""

import dataclasses
import re
from pathlib import Path

import pytest

from images import ROOT
from pimenton import Options
from pimenton.colorspace import SPACES

SHELL = (ROOT / "docs" / "shell.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{i}")
    for page in PAGES
    for i, block in enumerate(
        re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_python_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})


def test_every_option_is_in_the_table_of_the_shell() -> None:
    rows = [line for line in SHELL.splitlines() if line.startswith("| `-")]
    for field in dataclasses.fields(Options):
        flag = field.metadata["flags"][-1]
        [row] = [row for row in rows if f"{flag} " in row or f"{flag}`" in row]
        shown = "automatic" if field.default is None else field.default
        assert isinstance(field.default, bool) or f"[{shown}]" in row
        for choice in field.metadata["choices"] or ():
            assert f"`{choice}`" in row
    assert all(f"`{space}`" in SHELL for space in SPACES)

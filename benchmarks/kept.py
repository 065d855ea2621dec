"""Results that take long, kept in a file from run to run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Kept:
    """Values by keys that name all that they depend on, in a file of JSON.

    Parameters
    ----------
    path : Path
        The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def value(self, key: str, compute: Callable[[], Any]) -> Any:
        """Give what is kept, or compute and keep it."""
        if key not in self.values:
            self.values[key] = compute()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_suffix(".partial")
            partial.write_text(json.dumps(self.values, indent=1))
            partial.replace(self.path)
        return self.values[key]

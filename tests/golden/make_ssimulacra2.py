"""Write ssimulacra2.json: what the definition's own program says of the pictures of the tests.

Usage: python tests/golden/make_ssimulacra2.py PROGRAM, where PROGRAM is ``ssimulacra2`` built from
libjxl 0.8 or newer with ``-DJPEGXL_ENABLE_DEVTOOLS=ON``.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from score_pictures import Pixels, pairs  # noqa: E402


def score(program: str, folder: Path, a: Pixels, b: Pixels) -> float:
    """Run the program on two pictures."""
    paths = [str(folder / "a.png"), str(folder / "b.png")]
    for path, pixels in zip(paths, (a, b), strict=True):
        Image.fromarray(pixels[:, :, :3]).save(path)
    printed = subprocess.run([program, *paths], check=True, capture_output=True, text=True)
    return float(printed.stdout.split()[-1])


def main() -> None:
    """Score every pair."""
    with tempfile.TemporaryDirectory() as name:
        scores = {key: score(sys.argv[1], Path(name), a, b) for key, (a, b) in pairs().items()}
    text = json.dumps(scores, indent=2) + "\n"
    (HERE / "ssimulacra2.json").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()

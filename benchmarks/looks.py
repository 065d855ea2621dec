"""How far a picture looks from its original, by three scores that know nothing of each other."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from pimenton.pixels import Pixels
from pimenton.quality import ssimulacra2


class Looks(NamedTuple):
    """SSIMULACRA 2 (ours), Butteraugli's 3-norm, FLIP's mean; None where a program is missing."""

    ssimulacra2: float
    butteraugli: float | None
    flip: float | None

    def reaches(self, other: "Looks") -> bool:
        """Tell whether no score is worse than the other's."""
        return (
            self.ssimulacra2 >= other.ssimulacra2
            and (self.butteraugli or 0.0) <= (other.butteraugli or 0.0)
            and (self.flip or 0.0) <= (other.flip or 0.0)
        )


def looks(original: Pixels, pixels: Pixels) -> Looks:
    """Give all three scores; of a picture with opacity the worse over black and over white."""
    return Looks(
        ssimulacra2(original, pixels, n_threads=1),
        _worst(_butteraugli, original, pixels),
        _worst(_flip, original, pixels),
    )


def _worst(
    score: Callable[[Pixels, Pixels], float | None], original: Pixels, pixels: Pixels
) -> float | None:
    # Where only one of both is opaque, the comparison over black is the one that both have.
    values = [score(a, b) for a, b in zip(_shown(original), _shown(pixels), strict=False)]
    known = [value for value in values if value is not None]
    return max(known) if len(known) == len(values) else None


def _shown(pixels: Pixels) -> Iterator[Pixels]:
    """Blend over black and over white; the second is left out where all is opaque."""
    alpha = pixels[:, :, 3:].astype(np.uint16)
    for ground in (0, 255) if alpha.min() < 255 else (0,):
        yield ((pixels[:, :, :3] * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)


def _butteraugli(a: Pixels, b: Pixels) -> float | None:
    if shutil.which("butteraugli_main") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("a.png", "b.png")]
        for path, pixels in zip(paths, (a, b), strict=True):
            Image.fromarray(pixels).save(path, compress_level=0)
        said = subprocess.run(
            ["butteraugli_main", *map(str, paths)], capture_output=True, text=True, check=False
        ).stdout
    found = re.search(r"3-norm: ([\d.]+)", said)
    return float(found[1]) if found else None


def _flip(a: Pixels, b: Pixels) -> float | None:
    try:
        import flip_evaluator
    except ImportError:
        return None
    shares = [(pixels / 255).astype(np.float32) for pixels in (a, b)]
    return float(flip_evaluator.evaluate(*shares, "LDR", applyMagma=False)[1])

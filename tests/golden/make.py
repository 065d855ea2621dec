"""Write the golden figures: `make golden`, in a commit of its own that says why they changed."""

import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np

from pimenton import Histogram, kmeans, quantize
from pimenton.colorspace import SPACES
from pimenton.pixels import Pixels

FIGURES = Path(__file__).with_name("figures.json")


def pictures() -> dict[str, Pixels]:
    """Build pictures from integers alone, the same on every machine."""
    y, x = np.mgrid[:120, :160]
    waves = np.stack([(x * x + y) % 256, (x * 3 + y * y) % 256, (x * y) // 75 % 256], axis=-1)
    blobs = np.stack([x * 255 // 159, y * 255 // 119, (x + y) * 255 // 278], axis=-1)
    noise = np.random.default_rng(0).integers(0, 12, blobs.shape)
    opaque = np.full((120, 160, 1), 255)
    soft = np.maximum(0, 255 - ((x - 80) ** 2 + (y - 60) ** 2) // 25)[..., np.newaxis]
    drawn = {
        "waves": np.dstack([waves, opaque]),
        "gradient": np.dstack([np.clip(blobs + noise, 0, 255), opaque]),
        "soft": np.dstack([blobs, soft]) * (soft > 0),
    }
    return {name: pixels.astype(np.uint8) for name, pixels in drawn.items()}


def figures() -> dict[str, dict[str, object]]:
    """Quantize each picture in each space: a digest of the result, and the inertia."""
    found: dict[str, dict[str, object]] = {}
    for name, pixels in pictures().items():
        histogram = Histogram.of(pixels)
        for space in SPACES:
            for n_colors, effort in ((4, "best"), (16, "balanced"), (64, "fast")):
                image = quantize(pixels, n_colors=n_colors, space=space, effort=effort)
                points = SPACES[space].from_srgb(histogram.colors, 1)
                inertia = kmeans(points, histogram.weights, n_colors, effort=effort).inertia
                content = image.palette.colors.tobytes() + image.indices.tobytes()
                found[f"{name} {space} {n_colors} {effort}"] = {
                    "sha256": sha256(content).hexdigest(),
                    "inertia": inertia,
                }
    return found


if __name__ == "__main__":
    text = json.dumps(figures(), indent=1) + "\n"
    if "--print" in sys.argv:
        print(text, end="")
    else:
        FIGURES.write_text(text)

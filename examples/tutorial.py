"""Compress a picture by K-means, step by step: python tutorial.py [FOLDER]."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from pimenton import KMeans

here = Path(__file__).parent
folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

picture = np.asarray(Image.open(here / "pictures" / "fruits.png").convert("RGB"))
height, width, n_channels = picture.shape
pixels = picture.reshape(height * width, n_channels) / 255

model = KMeans(n_clusters=16, random_state=123)
labels = model.fit_predict(pixels)
centers = model.cluster_centers_

for center, count in zip(centers, np.bincount(labels), strict=True):
    print(f"{count:7} pixels of red, green, blue {np.round(center * 255).astype(int)}")
print(f"inertia {model.inertia_:.3f}")

rebuilt = np.round(centers[labels] * 255).astype(np.uint8).reshape(picture.shape)
side_by_side = Image.fromarray(np.hstack([picture, rebuilt]))
side_by_side.save(folder / "side_by_side.png")

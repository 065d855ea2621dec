"""Pictures built from integer arithmetic alone, so that they are the same on every computer."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def noise(height: int, width: int, salt: int) -> NDArray[np.int64]:
    """Give (h, w) values from 0 to 255 without visible order."""
    y, x = np.mgrid[:height, :width]
    mixed = (x * 374761393 + y * 668265263 + salt * 2147483647) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0xFFFFFFFF
    return (mixed ^ (mixed >> 16)) & 255


def scene(height: int, width: int) -> Pixels:
    """Give a sky with a sun, grainy hills and a striped wall: smooth, rough and sharp."""
    y, x = np.mgrid[:height, :width]
    pixels = np.full((height, width, 4), 255, dtype=np.uint8)
    fall = 255 * y // height
    for c, (top, bottom) in enumerate(((70, 210), (120, 200), (230, 170))):
        pixels[:, :, c] = top + (bottom - top) * fall // 255
    sun = (2 * x - width) ** 2 + (4 * y - height) ** 2 < (height // 3) ** 2
    pixels[sun, :3] = (255, 240, 150)
    hills = y > height // 2 + (noise(1, width, 1)[0] // 128 + abs(x - width // 3)) // 4
    grain = noise(height, width, 2) // 6
    for c, base in enumerate((60, 110, 40)):
        pixels[:, :, c] = np.where(hills, base + grain, pixels[:, :, c])
    wall = (x > 3 * width // 4) & (y > height // 3)
    stripes = np.where((x // 3 + y // 5) % 2 == 0, 200, 40)
    for c, share in enumerate((4, 2, 3)):
        pixels[:, :, c] = np.where(wall, stripes * share // 4, pixels[:, :, c])
    return pixels


def opaque(channels: NDArray[np.int64]) -> Pixels:
    """Add opacity to channels (h, w, 3)."""
    alpha = np.full((*channels.shape[:2], 1), 255)
    return np.concatenate([np.clip(channels, 0, 255), alpha], axis=2).astype(np.uint8)


def posterized(pixels: Pixels) -> Pixels:
    """Keep three bits of each channel."""
    return opaque(pixels[:, :, :3].astype(np.int64) // 32 * 32 + 16)


def grainy(pixels: Pixels) -> Pixels:
    """Add noise of up to 8 to each channel."""
    grain = [noise(*pixels.shape[:2], salt) // 16 - 8 for salt in (3, 4, 5)]
    return opaque(pixels[:, :, :3].astype(np.int64) + np.stack(grain, axis=2))


def smoothed(pixels: Pixels) -> Pixels:
    """Average each pixel with its eight neighbours."""
    height, width = pixels.shape[:2]
    around = np.pad(pixels[:, :, :3].astype(np.int64), ((1, 1), (1, 1), (0, 0)), mode="edge")
    shifts = [around[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return opaque(sum(shifts) // 9)


def tinted(pixels: Pixels) -> Pixels:
    """Make everything a little redder and darker in blue."""
    return opaque(pixels[:, :, :3].astype(np.int64) + np.array([3, 0, -4]))


def blocky(pixels: Pixels) -> Pixels:
    """Repeat every eighth pixel over its block."""
    return np.ascontiguousarray(
        np.repeat(np.repeat(pixels[::8, ::8], 8, axis=0), 8, axis=1)[
            : pixels.shape[0], : pixels.shape[1]
        ]
    )


DISTORTIONS: dict[str, Callable[[Pixels], Pixels]] = {
    "posterized": posterized,
    "grainy": grainy,
    "smoothed": smoothed,
    "tinted": tinted,
    "blocky": blocky,
}
SIZES = ((8, 8), (16, 9), (47, 33), (64, 96), (150, 200), (256, 256))


def pairs() -> dict[str, tuple[Pixels, Pixels]]:
    """Give every distortion of the scene in every size, by name."""
    return {
        f"{name} {width}x{height}": (scene(height, width), distort(scene(height, width)))
        for height, width in SIZES
        for name, distort in DISTORTIONS.items()
    }

"""A picture, what pngquant + oxipng make of it, and our file that looks as good, side by side."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from curves import OUR_COLOR
from equal import Study
from files import ours
from pictures import BUNDLED, SIX
from pimenton import read_image
from pimenton.pixels import Pixels
from tables import Target, show

# Side of the part that is shown: three of them are as wide as a page.
_SIDE = 272
_GAP = 6
_CAPTION = 22


def sides(study: Study) -> list[Target]:
    """Draw a part of one picture at its own size, with sizes and scores of the whole."""
    data = study.data
    found = [data / name for name in SIX if data is not None and (data / name).exists()]
    for path in [BUNDLED, *found]:
        pixels = read_image(path)
        theirs, looks = study.theirs(pixels, 256)
        made = ours(pixels, looks.ssimulacra2, "balanced", "png")
        rows = [
            ["pngquant + oxipng", f"{len(theirs)}", f"{looks.ssimulacra2:.2f}"],
            ["pimenton", f"{made.n_bytes}", f"{made.score:.2f}"],
        ]
        show(f"{path.stem} at equal score", ["tool", "bytes", "SSIMULACRA 2"], rows)
        panels = {
            f"{path.stem}, original": pixels,
            f"{_caption(*rows[0])}": read_image(theirs),
            f"{_caption(*rows[1])}": read_image(made.data),
        }
        name = study.out / f"equal_looks_{path.stem}.png"
        _draw(panels, _busiest(pixels)).save(name, optimize=True)
        print(f"\nPicture: {name}")
    return []


def _caption(tool: str, n_bytes: str, score: str) -> str:
    return f"{tool}: {int(n_bytes) / 1000:.1f} kB, score {score}"


def _busiest(pixels: Pixels) -> tuple[int, int]:
    """Find the part whose lightness varies most."""
    light = pixels[:, :, :3].mean(axis=2)
    height, width = light.shape
    step = 16
    places = [
        (y, x)
        for y in range(0, max(height - _SIDE, 0) + 1, step)
        for x in range(0, max(width - _SIDE, 0) + 1, step)
    ]
    return max(places, key=lambda p: float(np.std(light[p[0] :, p[1] :][:_SIDE:4, :_SIDE:4])))


def _draw(panels: dict[str, Pixels], place: tuple[int, int]) -> Image.Image:
    top, left = place
    parts = {name: p[top : top + _SIDE, left : left + _SIDE] for name, p in panels.items()}
    height, width = next(iter(parts.values())).shape[:2]
    size = (len(parts) * (width + _GAP) - _GAP, height + _CAPTION)
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(12)
    for i, (name, part) in enumerate(parts.items()):
        x = i * (width + _GAP)
        page.paste(Image.fromarray(part[:, :, :3]), (x, _CAPTION))
        draw.text((x, 3), name, OUR_COLOR if name.startswith("pimenton") else "#333333", font)
    return page

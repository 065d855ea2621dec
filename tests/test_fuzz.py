"""A damaged file is refused in a line or read; it never hangs, breaks or leaves a part."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from fuzz_files import try_all
from images import FRUITS


def test_damaged_files_do_no_harm(tmp_path: Path) -> None:
    files = []
    with Image.open(FRUITS) as picture:
        small = picture.crop((0, 0, 40, 30))
    for format in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"):
        file = BytesIO()
        small.save(file, format)
        files.append(file.getvalue())
    file = BytesIO()
    frames = [small, small.rotate(90), small.rotate(180)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    files.append(file.getvalue())
    counts = try_all(files, 400, 1, tmp_path)
    assert counts["failed"] > 50
    assert counts["written"] > 50

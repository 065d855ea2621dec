"""Files whose picture can be read though something beside it is damaged: refused unless wanted."""

import zlib
from io import BytesIO
from struct import pack, pack_into
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crafted import chunk, png_file
from pimenton import Options, UnreadableImage, read_image
from pimenton.animation import read_animation
from pimenton.batch import Job, Rules, attempt
from pimenton.drop_in import Wishes, requantize
from pimenton.soundness import require_sound

GRAY = np.arange(12).reshape(3, 4, 1)
EXIF = b"II*\0\x08\0\0\0\x01\0" + pack("<HHII", 282, 5, 1, 26) + bytes(4) + pack("<II", 72, 1)


def saved(format: str, mode: str = "RGB", **choices: Any) -> bytes:
    file = BytesIO()
    colors = np.arange(120, dtype=np.uint8).reshape(8, 5, 3) * 2
    Image.fromarray(colors).convert(mode).save(file, format, **choices)
    return file.getvalue()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    return png_file(GRAY, 0, 8, chunks=list(chunks))


def altered(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def with_stream(stream: bytes) -> bytes:
    header = chunk(b"IHDR", pack(">IIBBBBB", 4, 3, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def bmp(place: int, kind: str, value: int, mode: str = "RGB") -> bytes:
    data = bytearray(saved("BMP", mode))
    pack_into(kind, data, place, value)
    return bytes(data)


def packed_bmp(codes: bytes, height: int = 2) -> bytes:
    header = pack("<IiiHHIIiiII", 40, 4, height, 1, 8, 1, len(codes), 0, 0, 2, 0)
    colors = bytes([0, 0, 0, 0, 255, 255, 255, 0])
    start = 14 + len(header) + len(colors)
    return b"BM" + pack("<III", start + len(codes), 0, start) + header + colors + codes


ROWS = zlib.compress(bytes([0, 1, 2, 3, 4] * 3))
JPEG = saved("JPEG", exif=b"Exif\0\0" + EXIF)
GIF = saved("GIF")
ONE_GIF = b"GIF89a" + pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
FRAME = b"\x2c" + pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
WHOLE = {
    "png": png((b"eXIf", EXIF), (b"zTXt", b"a\0\0" + zlib.compress(b"text"))),
    "png stream": with_stream(ROWS),
    "gif": ONE_GIF + FRAME + b";",
    "jpeg": JPEG,
    "bmp": saved("BMP"),
    "bmp with palette": saved("BMP", "L"),
    "packed bmp": packed_bmp(b"\x04\x01\0\0\x02\x01\0\x02\x01\0\x01\x01\0\x01"),
    "tiff": saved("TIFF"),
}
DAMAGED = {
    "wrong checksum of tEXt": png()[:33] + altered(chunk(b"tEXt", b"a\0b"), 8, b"c") + png()[33:],
    "parts of the picture lie apart": with_stream(ROWS).replace(
        chunk(b"IDAT", ROWS),
        chunk(b"IDAT", ROWS[:9]) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", ROWS[9:]),
    ),
    "more is packed": with_stream(ROWS + b"more"),
    "2 bytes stand behind": png() + b"\r\n",
    "zTXt unpacks to more": png((b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 21)))),
    "broken EXIF data": png((b"eXIf", b"XX" + EXIF[2:])),
    "tag 282 lies outside": png((b"eXIf", EXIF[:-1])),
    "resolution that is no number": JPEG.replace(EXIF, altered(EXIF, 12, b"\2")),
    "segment has a wrong length": altered(JPEG, 4, b"\0\x0f"),
    "background 7 is none": altered(ONE_GIF, 11, b"\x07") + FRAME + b";",
    "no palette": altered(ONE_GIF, 10, b"\0")[:13] + FRAME + b";",
    "leaves the screen": ONE_GIF + altered(FRAME, 1, b"\x01") + b";",
    "the unknown kind 1": ONE_GIF + FRAME + b"\x01;",
    "header says 99999 bytes;": bmp(2, "<I", 99_999),
    "2 planes": bmp(26, "<H", 2),
    "99999 bytes of pixels": bmp(34, "<I", 99_999),
    "-1 pixels a meter": bmp(38, "<i", -1),
    "in a palette of 9 colors": bmp(46, "<I", 9, "L"),
    "packed pixels leave": packed_bmp(b"\x04\x01\0\0\x05\x01\0\x01"),
    "from top to bottom": packed_bmp(b"\x04\x01\0\0\x04\x01\0\x01", -2),
    "tag 259 is there twice": saved("TIFF").replace(pack("<HH", 284, 3), pack("<HH", 259, 3)),
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_a_whole_file_is_read(data: bytes) -> None:
    assert np.array_equal(read_image(data), read_image(data, lenient=True))


@pytest.mark.parametrize(("words", "data"), DAMAGED.items(), ids=DAMAGED)
def test_damage_beside_the_picture_is_refused_in_one_line(words: str, data: bytes) -> None:
    with pytest.raises(UnreadableImage) as refusal:
        read_image(data)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_lenient_reading_takes_the_picture(data: bytes) -> None:
    assert read_image(data, lenient=True).shape[2] == 4


@pytest.mark.parametrize("format", ["png", "gif", "jpeg", "bmp", "tiff"])
def test_a_cut_file_is_never_sound_nor_a_crash(format: str) -> None:
    data = WHOLE[format]
    for end in range(30, len(data) - 4):
        try:
            require_sound(format, data[:end])
        except UnreadableImage:
            continue
        # A TIFF's pixels are its decoder's to miss, and what stands before them may be all here.
        assert format in ("tiff", "bmp"), end


def test_an_animation_is_held_to_the_same() -> None:
    frames = GIF[:-1] + FRAME + b";"
    assert len(read_animation(frames).frames) == 2
    with pytest.raises(
        UnreadableImage, match=r"x: damaged beside its picture .1 bytes stand behind"
    ):
        read_animation(frames + b"!", name="x")
    assert len(read_animation(frames + b"!", lenient=True).frames) == 2


def test_the_choice_reaches_files_and_the_drop_in(tmp_path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(DAMAGED["2 bytes stand behind"])
    job, options = Job(source, tmp_path / "b.png"), Options(n_colors=2, effort="fast")
    refused = attempt(job, options, Rules(allow_larger=True))
    assert refused.reason == (
        f"{source}: damaged beside its picture (2 bytes stand behind the picture's end); "
        "lenient reading takes it"
    )
    assert not job.target.exists()
    assert attempt(job, options, Rules(allow_larger=True, lenient=True)).written
    assert requantize(source.read_bytes(), Wishes()).n_colors == 12

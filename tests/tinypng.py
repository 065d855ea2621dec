"""What TinyPNG's clients are tested with: servers of pictures and stores beside the service."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from serving import FRUITS

# A part of the photograph with a copyright, a date and a place.
_COPYRIGHT, _EXIF, _GPS, _DATE = 0x8298, 0x8769, 0x8825, 0x9003


def picture(format: str = "PNG", **choices: Any) -> bytes:
    """Give a part of the bundled photograph, 120 x 80 pixels."""
    file = BytesIO()
    with Image.open(BytesIO(FRUITS)) as image:
        image.convert("RGB").crop((200, 150, 320, 230)).save(file, format, **choices)
    return file.getvalue()


def cutout() -> bytes:
    """Give a disc on nothing, 60 x 90 pixels."""
    y, x = np.mgrid[:90, :60]
    pixels = np.zeros((90, 60, 4), np.uint8)
    pixels[(x - 30) ** 2 + (y - 45) ** 2 < 400] = (200, 30, 60, 255)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def telling(format: str = "JPEG") -> bytes:
    """Give a picture whose file says whose it is, when and where it was taken, and by what."""
    exif = Image.Exif()
    exif[_COPYRIGHT] = "Somebody"
    exif[0x010F] = "Camera"
    exif[_EXIF] = {_DATE: "2026:01:02 03:04:05", 0x9286: b"ASCII\0\0\0a comment"}
    exif[_GPS] = {1: "N", 2: (41.0, 23.0, 1.5)}
    return picture(format, exif=exif)


def told(data: bytes) -> set[str]:
    """Give what a file says beside its picture."""
    with Image.open(BytesIO(data)) as image:
        exif = image.getexif()
        found = {
            "copyright": exif.get(_COPYRIGHT) == "Somebody",
            "creation": exif.get_ifd(_EXIF).get(_DATE) == "2026:01:02 03:04:05",
            "location": bool(exif.get_ifd(_GPS).get(2)),
            "camera": 0x010F in exif,
            "comment": 0x9286 in exif.get_ifd(_EXIF),
        }
    return {name for name, is_there in found.items() if is_there}


def opened(data: bytes) -> tuple[str | None, tuple[int, int]]:
    """Give format and size of a picture, once it has been decoded whole."""
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image.format, image.size


class _Pictures(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        data = {"/photo.png": picture(), "/text": b"no picture"}.get(self.path, b"")
        self.send_response(200 if data else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Keep still."""


@contextmanager
def pictures() -> Iterator[str]:
    """Serve a picture from another server of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pictures) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

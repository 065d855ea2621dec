"""JPEG, WebP and AVIF with loss: Pillow's encoders, searched to the score that a PNG aims at.

Each format has few kinds of loss besides its quality, such as halved color planes. For every kind
the lowest quality that reaches the score is found, and the smallest file wins. Encoders that are
slow at their best are searched at a faster setting first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from pimenton.pixels import Pixels
from pimenton.quality import Reference, prepare, ssimulacra2
from pimenton.rate import AIM
from pimenton.reading import read_image

if TYPE_CHECKING:
    from PIL import Image

_LOW, _HIGH = 1, 100
# How much a score rises with one step of quality, about: where the search looks next.
_SLOPE = 0.8
# Opaque pictures up to here are encoded at a setting that takes three times as long; opacity would
# take a WebP a hundred times as long.
_SMALL = 2_000_000


@dataclass(frozen=True)
class Kind:
    """One kind of loss.

    Attributes
    ----------
    choices : mapping
        What Pillow's encoder is told besides the quality.
    faster : mapping
        What it is told while the quality is searched for, and of pictures that would take long.
    """

    choices: Mapping[str, Any]
    faster: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lossy:
    """A format with loss.

    Attributes
    ----------
    name : str
        What Pillow calls it.
    has_opacity : bool
        Whether it can hold more than opaque pictures.
    start : int
        The quality that reaches the score often.
    kinds : tuple of Kind
        Kinds of loss, all of which are tried.
    last : Kind or None
        A kind that is tried where none of them reaches the score.
    """

    name: str
    has_opacity: bool
    start: int
    kinds: tuple[Kind, ...]
    last: Kind | None = None


@dataclass(frozen=True)
class Encoded:
    """A file and its SSIMULACRA 2 score."""

    data: bytes
    score: float


_JPEG = {"optimize": True, "progressive": True}
# Two threads always: the encoder's bytes differ between one thread and more than one.
_AVIF = {"max_threads": 2, "autotiling": False}
LOSSY: dict[str, Lossy] = {
    "jpeg": Lossy(
        "JPEG", False, 83, (Kind({**_JPEG, "subsampling": 2}), Kind({**_JPEG, "subsampling": 0}))
    ),
    "webp": Lossy("WEBP", True, 87, (Kind({"method": 6}, {"method": 5}),)),
    "avif": Lossy(
        "AVIF", True, 69,
        (Kind({**_AVIF, "speed": 6, "subsampling": "4:2:0"}, {"speed": 8}),),
        Kind({**_AVIF, "speed": 6, "subsampling": "4:4:4"}, {"speed": 8}),
    ),
}  # fmt: skip


def encode_lossy(
    pixels: Pixels,
    format: str,
    *,
    aim: float = AIM,
    n_threads: int | None = None,
    metadata: Mapping[str, bytes] | None = None,
) -> Encoded:
    """Encode a picture in the fewest bytes that reach a score.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture; it must be opaque for a format without opacity.
    format : str
        A key of ``LOSSY``.
    aim : float, optional
        Lowest SSIMULACRA 2 score; where no quality reaches it, the best is taken.
    n_threads : int, optional
        Threads that measure the score; they change no bit.
    metadata : mapping, optional
        What is put into the file: ``exif``, ``xmp``.

    Raises
    ------
    ValueError
        If the format cannot hold the picture.

    Examples
    --------
    >>> gray = np.full((16, 16, 4), 255, np.uint8)
    >>> encode_lossy(gray, "jpeg").score
    100.0
    """
    rules = LOSSY[format]
    picture = _picture(pixels)
    if picture.mode == "RGBA" and not rules.has_opacity:
        raise ValueError(f"{format} has no opacity; the picture must be opaque")
    reference = prepare(pixels, n_threads=n_threads)
    search = partial(_searched, picture, rules, reference, aim, n_threads, metadata or {})
    found = [search(kind) for kind in rules.kinds]
    if rules.last and not any(made.score >= aim for made in found):
        found.append(search(rules.last))
    return min(found, key=lambda made: (max(0.0, aim - made.score), len(made.data)))


def lowest(score_of: Callable[[int], float], aim: float, start: int) -> int:
    """Find the lowest quality whose score reaches an aim, if scores rise with quality.

    Parameters
    ----------
    score_of : callable
        The score of a quality from 1 to 100.
    aim : float
        The lowest score wanted.
    start : int
        The quality to look at first.

    Returns
    -------
    int
        100 if none reaches it.

    Examples
    --------
    >>> lowest(lambda quality: 0.5 * quality + 40, 80, 60)
    80
    """
    fails, reaches, at, slope = _LOW - 1, _HIGH, start, _SLOPE
    last: tuple[int, float] | None = None
    while fails + 1 < reaches:
        score = score_of(at)
        if score >= aim:
            reaches = at
        else:
            fails = at
        if last and last[0] != at and (score - last[1]) / (at - last[0]) > 0:
            slope = (score - last[1]) / (at - last[0])
        last = (at, score)
        # A step to where a line leads; at least one, since this quality has been looked at.
        step = (aim - score) / slope
        guess = at + max(1, int(step + 0.999)) if score < aim else at + min(-1, int(step))
        # A line that leads far astray would be followed in small steps: then halve.
        inside = fails < guess < reaches
        at = guess if inside else (fails + reaches) // 2
    return reaches


def _searched(
    picture: "Image.Image",
    rules: Lossy,
    reference: Reference,
    aim: float,
    n_threads: int | None,
    metadata: Mapping[str, bytes],
    kind: Kind,
) -> Encoded:
    """Find the lowest quality that serves, first as a faster setting has it."""
    is_quick = picture.width * picture.height <= _SMALL and picture.mode != "RGBA"
    quick = {**kind.choices, **kind.faster}
    final = kind.choices if is_quick else quick

    def made(choices: Mapping[str, Any], quality: int) -> Encoded:
        data = _saved(picture, rules.name, quality=quality, **choices)
        return Encoded(data, ssimulacra2(reference, read_image(data), n_threads=n_threads))

    quality = lowest(lambda quality: made(quick, quality).score, aim, rules.start)
    if final != quick:
        quality = lowest(lambda quality: made(final, quality).score, aim, quality)
    best = made(final, quality)
    if not metadata:
        return best
    data = _saved(picture, rules.name, quality=quality, **final, **metadata)
    return Encoded(data, best.score)


def _picture(pixels: Pixels) -> "Image.Image":
    """Give what Pillow encodes: opaque pictures without opacity, gray ones without color."""
    from PIL import Image

    if pixels[:, :, 3].min() < 255:
        return Image.fromarray(pixels)
    red = pixels[:, :, 0]
    if np.array_equal(red, pixels[:, :, 1]) and np.array_equal(red, pixels[:, :, 2]):
        return Image.fromarray(np.ascontiguousarray(red))
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, :3]))


def _saved(picture: "Image.Image", format: str, **choices: Any) -> bytes:
    file = BytesIO()
    picture.save(file, format, **choices)
    return file.getvalue()

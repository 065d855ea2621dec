"""Levels of a pyramid, and what of a picture is looked at."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pimenton.pixels import Pixels

# Gives the pixels (height, width, 4) of a part that begins at row y and column x.
Reader: TypeAlias = Callable[[int, int, int, int], Pixels]


@dataclass(frozen=True)
class View:
    """What of a picture is looked at.

    Attributes
    ----------
    page : int
        Which of several pictures, from 0.
    channels : tuple of int or None
        Channels that are gray, gray and opacity, red, green and blue, or these and opacity, from 0;
        None takes what the file says.
    value_range : (float, float) or None
        Values that become black and white; None takes the whole range of the type.
    region : (int, int, int, int) or None
        Left, top, width and height of a part, in pixels.

    Raises
    ------
    ValueError
        If there is no such page, channel, range or region.
    """

    page: int = 0
    channels: tuple[int, ...] | None = None
    value_range: tuple[float, float] | None = None
    region: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.page < 0:
            raise ValueError(f"page must be at least 0; got {self.page}")
        channels = self.channels
        if channels is not None and not (1 <= len(channels) <= 4 and min(channels) >= 0):
            raise ValueError(f"channels must be 1 to 4 numbers from 0; got {channels}")
        limits = self.value_range
        if limits is not None and not (len(limits) == 2 and limits[0] < limits[1]):
            raise ValueError(f"value_range must be two rising numbers; got {limits}")
        region = self.region
        if region is not None and (len(region) != 4 or min(region) < 0 or min(region[2:]) < 1):
            raise ValueError(f"region must be left, top, width and height; got {region}")


@dataclass(frozen=True)
class Level:
    """A picture of which any part can be read.

    Attributes
    ----------
    height, width : int
        Pixels.
    tile : (int, int)
        Height and width of the parts that the file is stored in.
    read : callable
        ``read(y, x, height, width)`` gives pixels (height, width, 4) uint8. Can be pickled.
    """

    height: int
    width: int
    tile: tuple[int, int]
    read: Reader


@dataclass(frozen=True)
class Tag:
    """A field of a TIFF that a result takes over.

    Attributes
    ----------
    code : int
        Its number.
    type : int
        The number of its values' type.
    values : tuple
        Numbers, rationals as pairs, or bytes.
    """

    code: int
    type: int
    values: tuple[Any, ...] | bytes


@dataclass(frozen=True)
class Pyramid:
    """A picture at one resolution or several.

    Attributes
    ----------
    levels : tuple of Level
        From the largest on.
    tags : tuple of Tag
        What else a TIFF says: resolution, orientation, place on earth.
    pixel_size : (float, float) or None
        Height and width of a pixel, in a Zarr's units.
    unit : str
        That unit, if it is said.
    """

    levels: tuple[Level, ...]
    tags: tuple[Tag, ...] = ()
    pixel_size: tuple[float, float] | None = None
    unit: str = ""


def cropped(pyramid: Pyramid, region: tuple[int, int, int, int]) -> Pyramid:
    """Take a region of the first level, and shift the place on earth.

    Raises
    ------
    ValueError
        If it lies outside of the picture.
    """
    level, (left, top, width, height) = pyramid.levels[0], region
    if left + width > level.width or top + height > level.height:
        raise ValueError(
            f"region must lie inside {level.width} x {level.height} pixels; got {region}"
        )
    inside = Level(height, width, level.tile, partial(_read_inside, level.read, top, left))
    tags = tuple(_shifted(tag, left, top) for tag in pyramid.tags)
    return replace(pyramid, levels=(inside,), tags=tags)


def shapes_of(pyramid: Pyramid, n_levels: int | None, tile: int) -> list[tuple[int, int]]:
    """Give height and width of each level to be written.

    Parameters
    ----------
    pyramid : Pyramid
        The source.
    n_levels : int or None
        Levels wanted, 0 for all down to one tile; None for those of the source.
    tile : int
        Side of a tile.
    """
    shapes = [(level.height, level.width) for level in pyramid.levels]
    if n_levels is None:
        return shapes
    while len(shapes) < n_levels or (n_levels == 0 and max(shapes[-1]) > tile):
        height, width = shapes[-1]
        if height == width == 1:
            break
        shapes.append((-(-height // 2), -(-width // 2)))
    return shapes[: n_levels or None]


def assembled(
    read_tile: Callable[[int, int], NDArray[Any]],
    tile: tuple[int, int],
    part: tuple[int, int, int, int],
) -> NDArray[Any]:
    """Put a part together from the tiles that it touches.

    Parameters
    ----------
    read_tile : callable
        ``read_tile(row, column)`` gives a tile (height, width, ...); it may end with the picture.
    tile : (int, int)
        Height and width of a tile.
    part : (int, int, int, int)
        Row, column, height and width.
    """
    y, x, height, width = part
    result: NDArray[Any] | None = None
    for row in range(y // tile[0], -(-(y + height) // tile[0])):
        for column in range(x // tile[1], -(-(x + width) // tile[1])):
            values = read_tile(row, column)
            top, left = row * tile[0], column * tile[1]
            values = values[max(y - top, 0) : y + height - top, max(x - left, 0) : x + width - left]
            if values.shape[:2] == (height, width):
                return values
            if result is None:
                result = np.empty((height, width, *values.shape[2:]), values.dtype)
            from_y, from_x = max(top - y, 0), max(left - x, 0)
            result[from_y : from_y + values.shape[0], from_x : from_x + values.shape[1]] = values
    assert result is not None
    return result


def raw_level(path: str, height: int, width: int, tile: tuple[int, int]) -> Level:
    """Make a level of a file of nothing but tiles of pixels, one after the other."""
    return Level(height, width, tile, partial(_read_raw, path, width, tile))


def write_raw(path: str, width: int, tile: tuple[int, int], y: int, x: int, pixels: Pixels) -> None:
    """Write a tile, or what the picture has of it, into such a file."""
    if pixels.shape[:2] != tile:
        whole = np.zeros((*tile, 4), np.uint8)
        whole[: pixels.shape[0], : pixels.shape[1]] = pixels
        pixels = whole
    with open(path, "r+b" if os.path.exists(path) else "w+b") as file:
        file.seek(_raw_place(width, tile, y // tile[0], x // tile[1]))
        file.write(np.ascontiguousarray(pixels).data)


def _read_raw(
    path: str, picture_width: int, tile: tuple[int, int], y: int, x: int, height: int, width: int
) -> Pixels:
    with open(path, "rb") as file:

        def read_tile(row: int, column: int) -> Pixels:
            file.seek(_raw_place(picture_width, tile, row, column))
            data = file.read(4 * tile[0] * tile[1])
            return np.frombuffer(data, np.uint8).reshape(*tile, 4)

        return assembled(read_tile, tile, (y, x, height, width))


def _raw_place(width: int, tile: tuple[int, int], row: int, column: int) -> int:
    n_columns = -(-width // tile[1])
    return 4 * tile[0] * tile[1] * (row * n_columns + column)


def _read_inside(
    read: Reader, top: int, left: int, y: int, x: int, height: int, width: int
) -> Pixels:
    return read(top + y, left + x, height, width)


def _shifted(tag: Tag, left: int, top: int) -> Tag:
    """Keep tie points and a transformation of pixels to the earth right inside a region."""
    values = tag.values
    if tag.code == MODEL_TIEPOINT:
        rows = [values[i : i + 6] for i in range(0, len(values), 6)]
        moved = [(row[0] - left, row[1] - top, *row[2:]) for row in rows]
        return replace(tag, values=tuple(value for row in moved for value in row))
    if tag.code == MODEL_TRANSFORMATION and len(values) == 16:
        numbers = list(values)
        for row in (0, 4, 8):
            numbers[row + 3] += numbers[row] * left + numbers[row + 1] * top
        return replace(tag, values=tuple(numbers))
    return tag


# GeoTIFF 1.1, OGC 19-008r4: where pixels lie on the earth.
MODEL_TIEPOINT = 33922
MODEL_TRANSFORMATION = 34264

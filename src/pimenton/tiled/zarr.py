"""Zarr and OME-Zarr, read part by part and written chunk by chunk.

In an OME-Zarr a palette is what its specification calls an image label: whole numbers, and the
color of each.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimenton.errors import UnreadableImage, one_line
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels
from pimenton.tiled.levels import Level, Pyramid, View
from pimenton.tiled.meaning import Meaning, color_channels
from pimenton.tiled.tiff import NEEDED
from pimenton.tiled.writing import Encode

# Axes of an array that does not say them, by the number of its dimensions.
_AXES = {2: "yx", 3: "cyx", 4: "czyx", 5: "tczyx"}
# Channels that can be pixels without being chosen.
_N_COLORS = {1: 1, 2: 1, 3: 3, 4: 3}


@dataclass(frozen=True, eq=False)
class _Place:
    """Where an array is, and what its axes and samples stand for."""

    store: str
    path: str
    axes: str
    page: int
    meaning: Meaning


def open_zarr(store: str, view: View) -> Pyramid:
    """Open a Zarr; parameters, result and errors as for ``open_pyramid``."""
    try:
        import zarr
    except ImportError as error:
        raise UnreadableImage(f"{store}: {NEEDED}") from error
    try:
        node: Any = zarr.open(store, mode="r")
        attributes = dict(node.attrs)
        paths, axes, size, unit = _described(attributes.get("ome", attributes))
        arrays: list[Any] = (
            [node[path] for path in paths] if isinstance(node, zarr.Group) else [node]
        )
    except Exception as error:
        raise UnreadableImage(f"{store}: not a Zarr, or a damaged one") from error
    if not arrays:
        raise UnreadableImage(f"{store}: a Zarr group without a picture of several scales")
    axes = axes or _axes_of(arrays[0].shape)
    place = _Place(store, "", axes, view.page, _meaning(store, arrays[0], axes, view))
    levels = []
    for path, array in zip(paths or [""], arrays, strict=True):
        here = _Place(store, path, axes, view.page, place.meaning)
        y, x = axes.index("y"), axes.index("x")
        tile = (array.chunks[y], array.chunks[x])
        levels.append(Level(array.shape[y], array.shape[x], tile, partial(_read_part, here)))
    return Pyramid(tuple(levels), pixel_size=size, unit=unit)


def _described(
    ome: dict[str, Any],
) -> tuple[list[str], str, tuple[float, float] | None, str]:
    """Give the paths, axes, size and unit of a pixel that a multiscale image says."""
    if not ome.get("multiscales"):
        return [], "", None, ""
    image = ome["multiscales"][0]
    axes = [axis if isinstance(axis, str) else axis["name"] for axis in image.get("axes", [])]
    units = [axis.get("unit", "") for axis in image.get("axes", []) if isinstance(axis, dict)]
    paths = [dataset["path"] for dataset in image["datasets"]]
    scales = [
        change["scale"]
        for change in image["datasets"][0].get("coordinateTransformations", [])
        if change["type"] == "scale"
    ]
    size = None
    if scales and "y" in axes:
        size = scales[0][axes.index("y")], scales[0][axes.index("x")]
    unit = units[axes.index("x")] if units and "x" in axes else ""
    return paths, "".join(axes), size, unit


def _axes_of(shape: Sequence[int]) -> str:
    """Guess the axes of an array that says nothing; few channels at the end are channels."""
    if len(shape) == 3 and shape[2] <= 4 < shape[0]:
        return "yxc"
    return _AXES.get(len(shape), "")


def _meaning(store: str, array: Any, axes: str, view: View) -> Meaning:
    if len(axes) != len(array.shape) or "y" not in axes or "x" not in axes:
        raise UnreadableImage(f"{store}: {len(array.shape)} axes, which are not those of a picture")
    n_channels = array.shape[axes.index("c")] if "c" in axes else 1
    n_pages = int(
        np.prod([n for n, axis in zip(array.shape, axes, strict=True) if axis not in "yxc"])
    )
    if view.page >= n_pages:
        raise UnreadableImage(f"{store}: no page {view.page}; there are {n_pages}, from 0")
    channels = view.channels
    if channels is None:
        if n_channels not in _N_COLORS:
            raise UnreadableImage(f"{store}: {n_channels} channels; choose from them, from 0")
        channels = color_channels(n_channels, _N_COLORS[n_channels], n_channels % 2 == 0)
    if max(channels) >= n_channels:
        raise UnreadableImage(
            f"{store}: no channel {max(channels)}; there are {n_channels}, from 0"
        )
    return Meaning(channels, view.value_range, 8 * array.dtype.itemsize)


@cache
def _array(process: int, store: str, path: str) -> Any:
    import zarr

    node: Any = zarr.open(store, mode="r")
    return node[path] if path else node


def close_arrays() -> None:
    """Forget the arrays that parts have been read from in this process."""
    _array.cache_clear()


def _read_part(place: _Place, y: int, x: int, height: int, width: int) -> Pixels:
    array = _array(os.getpid(), place.store, place.path)
    where: dict[str, Any] = {"y": slice(y, y + height), "x": slice(x, x + width), "c": slice(None)}
    page = place.page
    for axis, n in reversed(list(zip(place.axes, array.shape, strict=True))):
        if axis not in "yxc":
            page, where[axis] = divmod(page, n)
    try:
        values = np.asarray(array[tuple(where[axis] for axis in place.axes)])
        kept = [axis for axis in place.axes if axis in "yxc"]
        values = values.transpose([kept.index(axis) for axis in "yxc" if axis in kept])
        samples = values if values.ndim == 3 else values[:, :, np.newaxis]
        return place.meaning.pixels(samples)
    except UnreadableImage as error:
        raise UnreadableImage(f"{place.store}: {error}") from error
    except Exception as error:
        raise UnreadableImage(f"{place.store}: damaged chunk ({one_line(error)})") from error


class ZarrWriter:
    """An OME-Zarr of palette indices, written block by block.

    Parameters
    ----------
    path : str
        A folder; arrays in it that are of the right shape are written on.
    shapes : sequence of (int, int)
        Height and width of each level.
    tile : int
        Side of a chunk.
    palette : Palette
        The colors.
    source : Pyramid
        What the picture was, for the size of a pixel.
    """

    def __init__(
        self,
        path: str,
        shapes: Sequence[tuple[int, int]],
        tile: int,
        palette: Palette,
        source: Pyramid,
    ) -> None:
        try:
            import zarr
        except ImportError as error:
            raise ValueError(f"{path}: {NEEDED}") from error
        self.group: Any = zarr.open_group(path, mode="a", zarr_format=3)
        self.group.attrs.update(_labels(shapes, palette, source))
        self.encode: Encode = _as_it_is
        self.arrays: list[Any] = [
            self.group[str(level)]
            if str(level) in self.group
            else self.group.create_array(
                str(level),
                shape=shape,
                chunks=(tile, tile),
                dtype="uint8",
                dimension_names=("y", "x"),
            )
            for level, shape in enumerate(shapes)
        ]

    def write(self, level: int, y: int, x: int, indices: Indices) -> None:
        """Write a block whose first pixel is at a row and a column."""
        height, width = indices.shape
        self.arrays[level][y : y + height, x : x + width] = indices

    def flush(self) -> None:
        """Chunks are whole files, written one by one."""

    def sync(self) -> None:
        """Leave it to the system when they are on the disk."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing but the chunks themselves."""
        return {}

    def close(self) -> None:
        """Nothing is open."""

    def finish(self) -> None:
        """Nothing is left to be written."""


def _as_it_is(indices: Indices) -> Indices:
    """Leave a block to Zarr, whose own threads compress it."""
    return indices


def _labels(shapes: Sequence[tuple[int, int]], palette: Palette, source: Pyramid) -> dict[str, Any]:
    """Describe the levels and the colors as OME-NGFF 0.5 does."""
    height, width = shapes[0]
    size = source.pixel_size or (1.0, 1.0)
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {
                    "type": "scale",
                    "scale": [size[0] * height / shape[0], size[1] * width / shape[1]],
                }
            ],
        }
        for level, shape in enumerate(shapes)
    ]
    unit = {"unit": source.unit} if source.unit else {}
    axes = [{"name": name, "type": "space", **unit} for name in "yx"]
    colors = [{"label-value": i, "rgba": color} for i, color in enumerate(palette.colors.tolist())]
    return {
        "ome": {
            "version": "0.5",
            "multiscales": [{"axes": axes, "datasets": datasets}],
            "image-label": {"colors": colors},
        }
    }

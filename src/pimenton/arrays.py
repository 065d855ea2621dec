"""Arrays larger than memory, by dask: nothing is computed before it is asked for."""

from functools import reduce
from importlib import import_module
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pimenton.dithering import remap
from pimenton.fitting import is_exact, palette_of
from pimenton.histogram import Histogram
from pimenton.lookup import Lookup
from pimenton.options import Options
from pimenton.palette import Palette
from pimenton.pixels import Indices, Pixels, as_rgba

# Histograms that one task adds up.
_AT_ONCE = 8
# Blue noise begins anew so often.
_NOISE_SIDE = 64

_DITHERS = ("none", "blue-noise")


class QuantizedArray(NamedTuple):
    """An array of few colors that has not been computed yet.

    Attributes
    ----------
    indices : dask array (height, width) uint8
        Each pixel's place in the palette, in the chunks of the original.
    palette : dask Delayed
        The ``Palette``.
    """

    indices: Any
    palette: Any


def quantize_array(array: Any, options: Options | None = None, **choices: Any) -> QuantizedArray:
    """Bring an array larger than memory down to few colors, lazily.

    Computing the indices counts the colors of all chunks, finds the palette once, and maps each
    chunk; computing a part of them counts all chunks too, so a palette that is needed more than
    once is best computed first and then imposed by ``palette=palette.hex``.

    Parameters
    ----------
    array : dask, Zarr or NumPy array
        (height, width) or (height, width, 1 to 4) of what ``as_rgba`` takes: gray, gray and
        opacity, RGB or RGBA.
    options : Options, optional
        All choices at once. Of dithers there is blue noise, which any chunk has by itself; error
        diffusion would make each chunk wait for those above and beside it, so that computing a
        part computed all before it. ``compress_tiles`` carries it through an array that is stored
        as Zarr.
    **choices
        Fields of ``Options``, in place of those in ``options``.

    Returns
    -------
    QuantizedArray
        Indices and palette, equal to those of ``quantize`` with as many colors.

    Raises
    ------
    ValueError, TypeError
        If a choice or the shape is wrong.
    ImportError
        If dask is missing.

    Examples
    --------
    >>> import dask
    >>> gray = np.arange(4096, dtype=np.uint16).astype(np.uint8).reshape(64, 64)
    >>> indices, palette = dask.compute(*quantize_array(gray, n_colors=4))
    >>> indices.shape, len(palette)
    ((64, 64), 4)
    """
    options = Options.of(options, **choices)
    if options.dither not in _DITHERS:
        raise ValueError(f"dither must be one of {', '.join(_DITHERS)}; got {options.dither!r}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] > 4):
        raise ValueError(
            f"an array must be (height, width) or (height, width, 1 to 4); got {array.shape}"
        )
    try:
        dask: Any = import_module("dask.delayed")
        arrays: Any = import_module("dask.array")
    except ImportError as error:
        raise ImportError("arrays need dask: pip install 'pimenton[tiles]'") from error
    lazy = arrays.asanyarray(array)
    if lazy.ndim == 3:
        lazy = lazy.rechunk({2: -1})
    if options.palette is not None:
        found = dask.delayed((Palette.of_hex(options.palette), False), nout=2)
    else:
        found = dask.delayed(find_palette, nout=2)(_counted(lazy, dask.delayed), options)
    indices = lazy.map_blocks(
        draw_part,
        found=found,
        options=options,
        dtype=np.uint8,
        drop_axis=[2] if lazy.ndim == 3 else None,
        meta=np.empty((0, 0), np.uint8),
    )
    return QuantizedArray(indices, found[0])


def _counted(lazy: Any, delayed: Any) -> Any:
    """Add up the histograms of all chunks, as a tree."""
    parts = [delayed(count_part)(part) for part in lazy.to_delayed().ravel()]
    while len(parts) > 1:
        parts = [
            delayed(add_parts)(parts[i : i + _AT_ONCE]) for i in range(0, len(parts), _AT_ONCE)
        ]
    return parts[0]


def count_part(part: NDArray[Any]) -> Histogram:
    """Count the colors of a chunk."""
    return Histogram.of(as_rgba(part), n_threads=1)


def add_parts(parts: list[Histogram]) -> Histogram:
    """Add up histograms."""
    return reduce(add, parts)


def find_palette(histogram: Histogram, options: Options) -> tuple[Palette, bool]:
    """Find the palette of all, and tell whether it has all their colors."""
    return palette_of(histogram, options), is_exact(histogram, options)


def draw_part(
    part: NDArray[Any],
    found: tuple[Palette, bool],
    options: Options,
    block_info: dict[Any, Any] | None = None,
) -> Indices:
    """Map or dither a chunk."""
    palette, has_all = found
    pixels = as_rgba(part)
    if options.dither == "none" or has_all:
        return Lookup.of(palette, options.space).indices(pixels)
    assert block_info is not None
    (top, _), (left, _) = block_info[0]["array-location"][:2]
    return _with_noise(pixels, palette, options, top % _NOISE_SIDE, left % _NOISE_SIDE)


def _with_noise(pixels: Pixels, palette: Palette, options: Options, top: int, left: int) -> Indices:
    """Mix by blue noise that began so many rows and columns before."""
    whole = np.pad(pixels, ((top, 0), (left, 0), (0, 0)), mode="edge")
    image = remap(
        whole,
        palette,
        space=options.space,
        dither=options.dither,
        strength=options.dither_strength,
        n_threads=1,
    )
    return image.indices[top:, left:]

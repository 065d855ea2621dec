"""Arrays are quantized lazily, and as if they were whole."""

from typing import Any

import numpy as np
import pytest

from images import FRUITS
from pimenton import Palette, quantize, quantize_array, read_image
from pimenton.pixels import Pixels

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")


@pytest.fixture(scope="module")
def picture() -> Pixels:
    return read_image(FRUITS)


def watched(picture: Pixels) -> tuple[Any, list[tuple[int, ...]]]:
    """Give an array, and the shapes of its chunks that have been computed so far."""
    touched: list[tuple[int, ...]] = []

    def touch(part: Pixels) -> Pixels:
        touched.append(part.shape)
        return part

    array = da.from_array(picture, chunks=(200, 200, 4))
    return array.map_blocks(touch, dtype=np.uint8, meta=picture[:0]), touched


@pytest.mark.parametrize("dither", ["none", "blue-noise"])
@pytest.mark.parametrize("chunks", [(97, 130, 4), (64, 512, 1)])
@pytest.mark.parametrize("effort", ["fast", "balanced"])
def test_chunks_come_out_as_the_whole(
    picture: Pixels, dither: str, chunks: tuple[int, int, int], effort: str
) -> None:
    array = da.from_array(picture, chunks=chunks)
    choices = {"n_colors": 16, "space": "srgb", "dither": dither, "effort": effort}
    found = quantize_array(array, **choices)
    indices, palette = dask.compute(*found)
    whole = quantize(picture, **choices)
    assert palette == whole.palette
    assert np.array_equal(indices, whole.indices)
    assert found.indices.chunks == array.chunks[:2]


def test_nothing_is_computed_before_it_is_asked_for(picture: Pixels) -> None:
    array, touched = watched(picture)
    found = quantize_array(array, n_colors=8, effort="fast")
    assert touched == []
    assert found.indices.shape == picture.shape[:2]
    assert found.indices.dtype == np.uint8
    found.indices[:10, :10].compute()
    assert len(touched) >= array.npartitions


def test_an_imposed_palette_needs_one_chunk_alone(picture: Pixels) -> None:
    array, touched = watched(picture)
    found = quantize_array(array, palette=("#000000", "#808080", "#ffffff"))
    part = found.indices[:100, :100].compute()
    assert len(touched) == 1
    palette = found.palette.compute()
    assert palette == Palette.of_hex(["#000000", "#808080", "#ffffff"])
    whole = quantize(picture, palette=palette.hex)
    assert np.array_equal(part, whole.indices[:100, :100])


def test_zarr_and_grays_are_taken(picture: Pixels) -> None:
    zarr = pytest.importorskip("zarr")
    gray = picture[..., 1]
    array = zarr.create_array(store={}, shape=gray.shape, chunks=(100, 100), dtype="uint8")
    array[...] = gray
    indices, palette = dask.compute(*quantize_array(array, n_colors=8, effort="fast"))
    whole = quantize(gray, n_colors=8, effort="fast")
    assert np.array_equal(indices, whole.indices)
    assert palette == whole.palette
    assert quantize_array(array).indices.chunks == da.from_array(array).chunks


def test_what_cannot_be_is_refused(picture: Pixels) -> None:
    with pytest.raises(ValueError, match="dither must be one of none, blue-noise; got 'sierra'"):
        quantize_array(picture, dither="sierra")
    with pytest.raises(ValueError, match=r"an array must be \(height, width\) or"):
        quantize_array(picture[..., 0, 0])
    with pytest.raises(TypeError, match="there is no option 'colors'"):
        quantize_array(picture, colors=3)

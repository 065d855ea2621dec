"""Pictures in tiles: read part by part from TIFF and Zarr, written tile by tile.

A picture larger than memory is a pyramid of levels; of each level any part can be read as pixels.
What knows a file format is `tiff` and `zarr`; both need packages of their own.
"""

import os

from pimenton.tiled.levels import Level, Pyramid, View, cropped

__all__ = ["Level", "Pyramid", "View", "close_sources", "open_pyramid"]


def open_pyramid(source: str | os.PathLike[str], view: View) -> Pyramid:
    """Open a picture in tiles, or all of it that a view leaves.

    Parameters
    ----------
    source : path
        A TIFF, BigTIFF or Zarr; a Zarr may also be a URL.
    view : View
        What of it is wanted.

    Returns
    -------
    Pyramid
        Its own levels; of a region only the first, which the others need not fit.

    Raises
    ------
    UnreadableImage
        If it is none of these, is damaged, or has no such page or channel.
    ValueError
        If the region lies outside.
    OSError
        If it cannot be opened.
    """
    name = os.fspath(source)
    if is_zarr(name):
        from pimenton.tiled import zarr

        pyramid = zarr.open_zarr(name, view)
    else:
        from pimenton.tiled import tiff

        pyramid = tiff.open_tiff(name, view)
    return cropped(pyramid, view.region) if view.region else pyramid


def is_zarr(name: str) -> bool:
    """Tell whether a name stands for a Zarr: a folder or a URL."""
    return "://" in name or os.path.isdir(name)


def close_sources() -> None:
    """Close the files that levels have been read from in this process."""
    from pimenton.tiled import tiff, zarr

    tiff.close_files()
    zarr.close_arrays()

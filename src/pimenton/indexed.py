"""Pictures as indices into a palette."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pimenton.palette import Palette
from pimenton.pixels import Counts, Indices, Pixels


@dataclass(frozen=True, eq=False)
class IndexedImage:
    """A picture of few colors.

    Attributes
    ----------
    indices : (height, width) uint8
        Each pixel's place in the palette. Read-only.
    palette : Palette
        The colors.

    Raises
    ------
    ValueError
        If there is no pixel, or an index lies outside the palette.
    """

    indices: Indices
    palette: Palette

    def __post_init__(self) -> None:
        if self.indices.ndim != 2 or self.indices.size == 0:
            raise ValueError(f"indices must be (height, width); got {self.indices.shape}")
        if self.indices.max() >= len(self.palette):
            raise ValueError(f"indices must be below {len(self.palette)}; got {self.indices.max()}")
        self.indices.flags.writeable = False

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return int(self.indices.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.indices.shape[0])

    @property
    def counts(self) -> Counts:
        """Pixels of each palette entry, (k,) int64."""
        return np.bincount(self.indices.ravel(), minlength=len(self.palette))

    @property
    def bit_depth(self) -> int:
        """The least of 1, 2, 4 and 8 bits that hold every place of the palette.

        Examples
        --------
        >>> from pimenton.palette import Palette
        >>> IndexedImage(np.zeros((1, 1), np.uint8), Palette.of_hex(["#000000"] * 16)).bit_depth
        4
        """
        return next(bits for bits in (1, 2, 4, 8) if len(self.palette) <= 1 << bits)

    def to_pixels(self) -> Pixels:
        """Look every index up: (height, width, 4) uint8, sRGB with straight alpha."""
        # Colors taken whole, as one number each, are looked up several times faster.
        whole = np.take(self.palette.colors.view(np.uint32).ravel(), self.indices)
        return whole.view(np.uint8).reshape(*self.indices.shape, 4)

    def without_unused(self) -> "IndexedImage":
        """Drop the palette entries that no pixel has.

        Returns
        -------
        IndexedImage
            The same picture.

        Examples
        --------
        >>> from pimenton.palette import Palette
        >>> palette = Palette.of_hex(["#000000", "#ff0000", "#ffffff"])
        >>> image = IndexedImage(np.array([[0, 2, 2]], np.uint8), palette)
        >>> image.without_unused().palette.hex
        ('#000000', '#ffffff')
        """
        used = self.counts > 0
        if used.all():
            return self
        places = np.where(used, np.cumsum(used) - 1, 0).astype(np.uint8)
        return self.renamed(places, Palette(self.palette.colors[used]))

    def renamed(self, places: NDArray[np.uint8], palette: Palette) -> "IndexedImage":
        """Give the same picture with other places for the entries that are used.

        Parameters
        ----------
        places : (k,) uint8
            New place of each entry.
        palette : Palette
            The same colors there.
        """
        return IndexedImage(places[self.indices], palette)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file, in the format that the name's ending says.

        Raises
        ------
        ValueError
            If the ending is unknown.
        OSError
            If the file cannot be written.
        """
        from pimenton.formats import encode, format_of, write_atomically

        write_atomically(Path(path), encode(self, format_of(Path(path))))

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook."""
        from pimenton.formats import encode

        return encode(self, "png", effort="fast")


def renamed_literals(tokens: NDArray[np.uint32], places: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Give the literals among tokens their new places; matches stay.

    Parameters
    ----------
    tokens : (n,) uint32
        Literals below 256, and matches.
    places : (k,) uint8
        New place of each entry.
    """
    renamed = tokens.copy()
    is_literal = tokens < 256
    renamed[is_literal] = places[tokens[is_literal]]
    return renamed

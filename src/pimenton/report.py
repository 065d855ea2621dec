"""What came out of a compression, in figures."""

from dataclasses import dataclass
from typing import Any

from pimenton.indexed import IndexedImage
from pimenton.options import Options
from pimenton.palette import strip_html


@dataclass(frozen=True, eq=False)
class Report:
    """Figures of one compressed picture.

    Attributes
    ----------
    width, height : int
        Pixels.
    n_colors : int
        Entries of the palette.
    input_bytes : int or None
        Size of the file that was read; None for an array.
    output_bytes : int
        Size of the encoded result.
    bits_per_pixel : float
        ``8 * output_bytes / (width * height)``.
    mse : float
        Mean squared error per channel, 0 to 255, of the written picture; where it is not opaque,
        the worse of over black and over white.
    psnr : float
        ``10 * log10(255**2 / mse)`` in dB; infinite where nothing changed.
    quality : float or None
        SSIMULACRA 2 score where it was aimed at; 100 where no color was lost.
    quality_reached : bool or None
        Whether it is what was asked for, or 80 where nothing was.
    inertia : float
        Of the clustering before its centroids were rounded, in the units of the color space; a fast
        search leaves out what is inside the colors that it merges.
    n_iter : int
        Steps of K-means that were kept.
    history : tuple of float
        Inertia before each of them.
    palette : tuple of str
        The colors in hex, in their order.
    counts : tuple of int
        Pixels of each color.
    options : Options
        The choices that made it.
    elapsed_seconds : float
        From the decoded picture to the encoded result.
    """

    width: int
    height: int
    n_colors: int
    input_bytes: int | None
    output_bytes: int
    bits_per_pixel: float
    mse: float
    psnr: float
    quality: float | None
    quality_reached: bool | None
    inertia: float
    n_iter: int
    history: tuple[float, ...]
    palette: tuple[str, ...]
    counts: tuple[int, ...]
    options: Options
    elapsed_seconds: float

    @property
    def ratio(self) -> float | None:
        """Output size divided by input size; None for an array."""
        return None if self.input_bytes is None else self.output_bytes / self.input_bytes

    def to_dict(self) -> dict[str, Any]:
        """Give the figures by name, ready for JSON; an infinite PSNR becomes None."""
        figures = {name: getattr(self, name) for name in self.__dataclass_fields__}
        figures["options"] = self.options.to_dict()
        figures["psnr"] = None if self.mse == 0 else self.psnr
        return figures

    def _repr_html_(self) -> str:
        """Show the figures and the palette in a notebook."""
        size = f"{self.output_bytes:,} bytes"
        if self.input_bytes:
            size += f", {self.output_bytes / self.input_bytes:.1%} of {self.input_bytes:,}"
        rows = {
            "Size": size,
            "Pixels": f"{self.width:,} × {self.height:,}",
            "Colors": f"{self.n_colors}",
            "Bits per pixel": f"{self.bits_per_pixel:.2f}",
            "PSNR": f"{self.psnr:.2f} dB" if self.mse else "exact",
            "Inertia": f"{self.inertia:,.5g} after {self.n_iter} steps",
            "Time": f"{self.elapsed_seconds:.2f} s",
        }
        lines = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows.items())
        return f"<table>{lines}</table>{strip_html(self.palette, self.counts)}"


@dataclass(frozen=True, eq=False)
class Compressed:
    """An encoded picture.

    Attributes
    ----------
    data : bytes
        The file's content.
    image : IndexedImage
        The picture in it.
    report : Report
        Its figures.
    """

    data: bytes
    image: IndexedImage
    report: Report

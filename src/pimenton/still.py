"""One picture that has been read: drawn as the options say, encoded and measured."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from pimenton.drawing import Drawn, Stages, Task, draw
from pimenton.options import Options
from pimenton.pixels import Pixels, thread_count
from pimenton.quality import mse, psnr
from pimenton.report import Compressed, Report

# Told a stage and how much of it is done, 0 to 1.
Progress: TypeAlias = Callable[[str, float], None]


def compress_pixels(
    pixels: Pixels,
    format: str,
    options: Options,
    *,
    input_bytes: int | None = None,
    n_threads: int | None = None,
    progress: Progress | None = None,
    searches: bool = True,
) -> Compressed:
    """Make a small file of a picture that has been read.

    Parameters
    ----------
    pixels : (height, width, 4) uint8
        The picture.
    format : str
        A key of ``FORMATS``.
    options : Options
        The choices.
    input_bytes : int, optional
        Size of the file it came from, for the report.
    n_threads : int, optional
        Threads to use, by default one a core; they change no bit.
    progress : callable, optional
        As in ``compress``.
    searches : bool, optional
        Whether a quality or a size is searched for; otherwise one guess at it will do, which takes
        a tenth of the time.

    Returns
    -------
    Compressed
    """
    started = time.perf_counter()
    task = Task.of(pixels, format, options, thread_count(n_threads), stages_of(progress))
    drawn = _aimed(task, searches) if task.is_aimed else draw(task, limited=searches)
    elapsed = time.perf_counter() - started
    image, clustering = drawn.image, drawn.clustering
    error = mse(pixels, image.to_pixels())
    height, width = image.indices.shape
    report = Report(
        width=width,
        height=height,
        n_colors=len(image.palette),
        input_bytes=input_bytes,
        output_bytes=len(drawn.data),
        bits_per_pixel=8 * len(drawn.data) / (width * height),
        mse=error,
        psnr=psnr(error),
        quality=drawn.quality,
        quality_reached=drawn.reached,
        inertia=clustering.inertia,
        n_iter=clustering.n_iter,
        history=clustering.history,
        palette=image.palette.hex,
        counts=tuple(image.counts.tolist()),
        options=options,
        elapsed_seconds=elapsed,
    )
    return Compressed(drawn.data, image, report)


def _aimed(task: Task, searches: bool) -> Drawn:
    # The parse and its search take a while to bring in, which a command that does without feels.
    from pimenton.aims import aim, estimate

    return aim(task) if searches else estimate(task)


def stages_of(progress: Progress | None) -> Stages:
    """Give what tells of the beginning and the end of a stage."""

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        if progress is not None:
            progress(name, 0.0)
        yield
        if progress is not None:
            progress(name, 1.0)

    return stage

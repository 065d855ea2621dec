"""From a picture to the smallest file of a wanted quality or size.

Photographs are parsed: what deflate finds and what is seen decide together. What may be a drawing
is made as one too, and the smaller file wins.
"""

import dataclasses
from functools import cache, partial

from pimenton.clustering import Clustering
from pimenton.drawing import Drawn, Task, require_no_loss, require_size, writer
from pimenton.drawings import (
    as_drawing,
    filtered,
    fit_patiently,
    is_patient,
    is_small_graphic,
    may_be_drawing,
    may_be_filtered,
    may_be_patient,
)
from pimenton.errors import QualityNotReached
from pimenton.fitting import fit_palette
from pimenton.options import Options
from pimenton.parsing import Recipe, Subject, parse, prepare
from pimenton.quality import Reference
from pimenton.quality import prepare as prepare_reference
from pimenton.rate import (
    AIM,
    CHROMA_WEIGHTS,
    Fitted,
    fit_bytes,
    fit_quality,
    guess,
    is_better,
)
from pimenton.streams import shortened
from pimenton.trials import PARSERS, Bench, parse_effort


def aim(task: Task) -> Drawn:
    """Search for the quality, then for the size.

    Raises
    ------
    QualityNotReached
        If one that was asked for is not met, or colors would be lost that must not be.
    """
    require_no_loss(task)
    options = task.options
    wanted = AIM if options.quality is None else options.quality
    reference = prepare_reference(task.original, n_threads=task.n_threads)
    found: dict[str, tuple[Subject, Clustering]] = {}
    bench_of = cache(partial(_bench, task, reference, found))
    drawn = None
    if may_be_drawing(task):
        plain = bench_of(Recipe())
        drawn = as_drawing(task, reference, wanted, partial(_bench_of_few, reference), plain)
    bench: Bench | None = None
    if drawn is not None and drawn.is_final:
        fitted, clustering = drawn.fitted, drawn.clustering
    else:
        fit = fit_patiently if is_patient(task) or is_small_graphic(task) else fit_quality
        with task.stage("encoding"):
            fitted, bench = fit(bench_of, wanted, settles=options.is_free)
            if fitted.quality < wanted and may_be_patient(task):
                fitted, bench = fit_patiently(bench_of, wanted, settles=options.is_free)
        clustering = found[bench.subject.recipe.space][1]
        if drawn is not None and is_better(drawn.fitted, fitted, wanted):
            fitted, clustering = drawn.fitted, drawn.clustering
    if options.is_free and task.format == "png":
        with task.stage("encoding"):
            image, data, effort = fitted.image.without_unused(), fitted.data, options.effort
            if may_be_filtered(task):
                image, data = filtered(image, data)
                # Two percent of a screenshot's few bytes are worth an exact search for its stream.
                effort = "best"
            image, data = shortened(image, data, effort)
        fitted = dataclasses.replace(fitted, image=image, data=data)
    _require_quality(fitted, wanted, options)
    if options.max_bytes is not None and len(fitted.data) > options.max_bytes:
        bench = bench or bench_of(Recipe())
        with task.stage("encoding"):
            fitted = fit_bytes(bench, options.max_bytes)
        clustering = found[bench.subject.recipe.space][1]
        require_size(len(fitted.data), options)
    return _drawn(fitted, clustering, wanted, options)


def _drawn(fitted: Fitted, clustering: Clustering, wanted: float, options: Options) -> Drawn:
    image = fitted.image.without_unused() if options.is_free else fitted.image
    return Drawn(image, fitted.data, clustering, fitted.quality, fitted.quality >= wanted)


def estimate(task: Task) -> Drawn:
    """Parse with the weight of a bit that leads most pictures near to the quality."""
    require_no_loss(task)
    wanted = AIM if task.options.quality is None else task.options.quality
    reference = prepare_reference(task.original, n_threads=task.n_threads)
    found: dict[str, tuple[Subject, Clustering]] = {}
    bench = _bench(task, reference, found, Recipe())
    with task.stage("encoding"):
        fitted = guess(bench, wanted, task.options.max_bytes)
    clustering = found[bench.subject.recipe.space][1]
    return _drawn(fitted, clustering, wanted, task.options)


def _bench_of_few(reference: Reference, task: Task, recipe: Recipe) -> tuple[Bench, Clustering]:
    found: dict[str, tuple[Subject, Clustering]] = {}
    return _bench(task, reference, found, recipe), found[recipe.space][1]


def _bench(
    task: Task, reference: Reference, found: dict[str, tuple[Subject, Clustering]], recipe: Recipe
) -> Bench:
    """Prepare the picture by a recipe; another space than Oklab is taken as it is said."""
    options, recipe = task.options, dataclasses.replace(recipe, edges=task.is_flat)
    if options.space in CHROMA_WEIGHTS:
        options = dataclasses.replace(options, space=recipe.space)
    if recipe.space not in found:
        # Spaces that differ in the weight of chroma have palettes that are not far from each other.
        like = next((subject for subject, _ in found.values()), None)
        start = like.palette if like is not None and options.is_free else None
        with task.stage("clustering"):
            palette, clustering = fit_palette(
                task.pixels, task.histogram, options, start=start, n_threads=task.n_threads
            )
        subject = prepare(
            task.pixels, task.histogram, palette, recipe, like=like, n_threads=task.n_threads
        )
        found[recipe.space] = subject, clustering
    how = parse_effort(task.original, options.effort)
    written = "fast" if how == "large" else how
    return Bench(
        task.original,
        found[recipe.space][0].by(recipe, n_threads=task.n_threads),
        reference,
        writer(task, written),
        PARSERS.get(task.format, parse),
        options.effort,
        how,
        task.n_threads,
    )


def _require_quality(fitted: Fitted, wanted: float, options: Options) -> None:
    if options.quality is None or options.best_possible:
        return
    if fitted.quality < wanted:
        raise QualityNotReached(
            f"quality {options.quality:g} is not reached with {len(fitted.image.palette)} colors; "
            f"the best is {fitted.quality:.1f}"
        )
    if options.max_bytes is not None and len(fitted.data) > options.max_bytes:
        raise QualityNotReached(
            f"quality {options.quality:g} takes {len(fitted.data)} bytes; at most "
            f"{options.max_bytes} are allowed"
        )

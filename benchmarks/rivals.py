"""Time and error of every tool on the same pictures, in the same run."""

import time
from pathlib import Path
from statistics import geometric_mean

from peers import IMAGEQUANT, OURS, PEERS, SCIKIT_LEARN, Measured, Tool, measure, pimenton_tool
from pictures import BUNDLED, PEPPERS, SIX, present, rgb_of
from plane import draw_plane
from tables import Target, milliseconds, missing, show

COUNTS = (16, 64, 256)
# Highest error and longest time of `balanced` on peppers; and of `fast` with 256 colors.
PEPPERS_TARGETS = {16: (393.75, 0.015), 64: (132.1, 0.025), 256: (52.8, 0.040)}
FAST_TARGET = (62.0, 0.006)
SPEED_TARGETS = {16: 25, 256: 50}

Plane = dict[int, dict[str, Measured]]  # by number of colors, by tool


def plane(data: Path | None, out: Path) -> list[Target]:
    """Print time and error of each tool on one picture, and draw the plane of both."""
    found = present(data, (PEPPERS,))
    name, rgb = found[0] if found else ("fruits (bundled)", rgb_of(BUNDLED))
    tools = [tool for tool in (*OURS, *PEERS) if tool.version]
    results: Plane = {k: {tool.name: measure(tool, rgb, k) for tool in tools} for k in COUNTS}
    rows = [_row(tool, results) for tool in (*OURS, *PEERS)]
    header = ["tool"]
    for k in COUNTS:
        header += [f"ms, {k}", f"times {OURS[1].name}", "MSE", "MSE drawn", "a channel"]
    show(f"Every tool on {name}, one thread, no dithering, sRGB", header, rows)
    print(
        "\nMSE is summed over the channels (centroids as they are, then drawn with colors rounded"
        " to bytes); a channel: drawn MSE / 3."
    )
    draw_plane(name, results, out / "error_against_time.png")
    targets = [] if not found else _peppers_targets(results)
    return [*targets, *_plane_targets(name, results)]


def _row(tool: Tool, results: Plane) -> list[str]:
    if not tool.version:
        return [tool.name, *[f"missing: pip install {tool.packages[0]}"], *[""] * 14]
    label = tool.name if tool in OURS else f"{tool.name} [{tool.version}]"
    row = [label]
    for by_tool in results.values():
        one, balanced = by_tool[tool.name], by_tool[OURS[1].name]
        row += [
            milliseconds(one.seconds),
            f"{one.seconds / balanced.seconds:.2f}",
            f"{one.error:.2f}",
            f"{one.drawn_error:.2f}",
            f"{one.drawn_error / 3:.2f}",
        ]
    return row


def _peppers_targets(results: Plane) -> list[Target]:
    targets = []
    for k, (error, seconds) in PEPPERS_TARGETS.items():
        one = results[k]["pimenton balanced"]
        targets.append(_both(f"peppers, balanced, {k} colors", one, error, seconds))
    one = results[256]["pimenton fast"]
    targets.append(_both("peppers, fast, 256 colors", one, *FAST_TARGET))
    return targets


def _both(what: str, one: Measured, error: float, seconds: float) -> Target:
    return Target(
        what,
        f"MSE <= {error} in <= {1000 * seconds:.0f} ms",
        f"{one.error:.2f} in {milliseconds(one.seconds)} ms",
        one.error <= error and one.seconds <= seconds,
    )


def _plane_targets(name: str, results: Plane) -> list[Target]:
    """Tell whether a peer is faster and closer than all of ours, and which are not beaten."""
    targets = []
    for k, by_tool in results.items():
        ours = [by_tool[tool.name] for tool in OURS]
        peers = {t: one for t, one in by_tool.items() if t not in {tool.name for tool in OURS}}
        winners = [
            t
            for t, one in peers.items()
            if all(one.seconds < our.seconds and one.drawn_error < our.drawn_error for our in ours)
        ]
        unbeaten = [
            t
            for t, one in peers.items()
            if not any(
                our.seconds <= one.seconds and our.drawn_error <= one.drawn_error for our in ours
            )
        ]
        reached = ", ".join(winners) or "none"
        if unbeaten:
            reached += f" (not beaten in both: {', '.join(unbeaten)})"
        wanted = "no peer faster and closer than all efforts"
        targets.append(Target(f"plane, {name}, {k} colors", wanted, reached, not winners))
    return targets


def against_imagequant(data: Path | None, out: Path) -> list[Target]:
    """Compare `balanced` with libimagequant in process, on several pictures."""
    pictures = present(data, SIX) or [("fruits (bundled)", rgb_of(BUNDLED))]
    if not IMAGEQUANT.version:
        return [missing("against imagequant", ">= 5 times faster", "imagequant is not installed")]
    targets, rows = [], []
    for k in COUNTS:
        ratios, closer = [], True
        for name, rgb in pictures:
            ours, theirs = measure(OURS[1], rgb, k), measure(IMAGEQUANT, rgb, k)
            ratios.append(theirs.seconds / ours.seconds)
            closer = closer and ours.drawn_error < theirs.drawn_error
            rows.append(
                (
                    f"{name}, {k}",
                    milliseconds(ours.seconds),
                    milliseconds(theirs.seconds),
                    f"{ratios[-1]:.1f}",
                    f"{ours.drawn_error:.2f}",
                    f"{theirs.drawn_error:.2f}",
                )
            )
        reached = f"{geometric_mean(ratios):.1f} times (least {min(ratios):.1f})"
        reached += ", lower on every picture" if closer else ", MSE not lower on every picture"
        targets.append(
            Target(
                f"against {IMAGEQUANT.name}, {k} colors",
                ">= 5 times faster, lower MSE",
                reached,
                min(ratios) >= 5 and closer,
            )
        )
    header = ("picture, colors", "ms", "imagequant", "times faster", "MSE drawn", "imagequant")
    show("pimenton balanced against imagequant in process, one thread", header, rows)
    return targets


def against_scikit_learn(data: Path | None, out: Path) -> list[Target]:
    """Compare `balanced` with scikit-learn on all pixels, two threads each."""
    found = present(data, (PEPPERS,))
    name, rgb = found[0] if found else ("fruits (bundled)", rgb_of(BUNDLED))
    what = f"against scikit-learn on {name}, two threads each"
    if not SCIKIT_LEARN.version:
        return [missing(what, ">= 25 and 50 times", "scikit-learn is not installed")]
    from threadpoolctl import threadpool_limits

    ours_on_two = pimenton_tool("balanced", 2)
    targets, rows = [], []
    for k, wanted in SPEED_TARGETS.items():
        ours = measure(ours_on_two, rgb, k)
        with threadpool_limits(2):
            began, used = time.perf_counter(), time.process_time()
            theirs = measure(SCIKIT_LEARN, rgb, k)
            busy = (time.process_time() - used) / (time.perf_counter() - began)
        ratio = theirs.seconds / ours.seconds
        rows.append(
            (
                k,
                milliseconds(ours.seconds),
                milliseconds(theirs.seconds),
                f"{ratio:.1f}",
                f"{ours.error:.2f}",
                f"{theirs.error:.2f}",
                f"{busy:.2f}",
            )
        )
        targets.append(
            Target(f"{what}, {k} colors", f">= {wanted} times", f"{ratio:.1f}", ratio >= wanted)
        )
    header = ("colors", "ms", "scikit-learn", "times faster", "MSE", "scikit-learn", "its cores")
    show(f"pimenton balanced against scikit-learn on {name}, two threads each", header, rows)
    return targets

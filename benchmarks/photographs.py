"""Errors over whole sets of photographs: against converged starts, and the least ever seen."""

import json
from functools import partial
from pathlib import Path
from statistics import fmean

from converged import COUNTS, Converged
from measuring import timed
from peers import OURS, centroid_error
from pictures import photographs, present, rgb_of
from tables import Target, missing, show

LEAST = Path(__file__).resolve().parents[1] / "tests" / "golden" / "least_errors.json"
# By number of colors: how far the mean lies below scikit-learn's, at least, in percent.
GAINS = {16: 1.3, 64: 0.9, 256: 0.6}
WORST = 0.5
FOLDERS = ("classic/dev/{}.tiff", "kodak/dev/{}.png", "cq100/dev/{}.png")


def against_converged(data: Path | None, out: Path) -> list[Target]:
    """Compare `balanced` with scikit-learn's converged start on every photograph."""
    paths = photographs(data)
    whats = {k: f"mean MSE of all photographs, balanced, {k} colors" for k in COUNTS}
    wanted = {
        k: f">= {gain} % below scikit-learn, none > {WORST} % above" for k, gain in GAINS.items()
    }
    if not paths:
        why = "no kodak/dev or cq100/dev in DATA"
        return [missing(whats[k], wanted[k], why) for k in COUNTS]
    converged = Converged(out / "scikit_learn.json")
    theirs: dict[int, list[float]] = {k: [] for k in COUNTS}
    ours: dict[int, list[float]] = {k: [] for k in COUNTS}
    for path in paths:
        rgb = rgb_of(path)
        for k in COUNTS:
            error = converged.error(rgb, k)
            if error is None:
                return [missing(whats[k], wanted[k], "scikit-learn is missing") for k in COUNTS]
            theirs[k].append(error)
            ours[k].append(centroid_error(rgb, k, "balanced", n_threads=2))
    rows, targets = [], []
    for k in COUNTS:
        gain = 100 * (1 - fmean(ours[k]) / fmean(theirs[k]))
        excess = [100 * (a / b - 1) for a, b in zip(ours[k], theirs[k], strict=True)]
        worst = max(range(len(paths)), key=excess.__getitem__)
        rows.append(
            (
                k,
                f"{fmean(ours[k]):.2f}",
                f"{fmean(theirs[k]):.2f}",
                f"{gain:.2f} %",
                f"{paths[worst].stem} {excess[worst]:+.2f} %",
                sum(e > WORST for e in excess),
            )
        )
        reached = f"{gain:.2f} % below, worst {paths[worst].stem} {excess[worst]:+.2f} %"
        met = gain >= GAINS[k] and excess[worst] <= WORST
        targets.append(Target(whats[k], wanted[k], reached, met))
    header = ("colors", "mean MSE", "scikit-learn", "lower by", "worst", f"> {WORST} % above")
    show(f"pimenton balanced on {len(paths)} photographs", header, rows)
    print(f"\nscikit-learn's errors are kept in {converged.kept.path} by picture and version.")
    return targets


def twelve_best(data: Path | None, out: Path) -> list[Target]:
    """Compare `best` with the least errors known, and its time with that of `balanced`."""
    what, wanted = "twelve pictures, best", "<= 0.3 % above the least known, <= 10 x balanced"
    if not LEAST.exists():
        return [missing(what, wanted, f"there is no {LEAST.name}")]
    rows, excesses, ratios = [], {}, {}
    least = json.loads(LEAST.read_text())
    for case, error in least.items():
        name, count = case.split("/")
        found = present(data, tuple(folder.format(name) for folder in FOLDERS))
        if not found:
            continue
        rgb, k = found[0][1], int(count)
        best = centroid_error(rgb, k, "best", n_threads=1)
        balanced, longest = (
            timed(partial(tool.run, rgb, k), min_runs=2).seconds for tool in OURS[1:]
        )
        excesses[case] = 100 * (best / error - 1)
        ratios[case] = longest / balanced
        rows.append(
            (case, f"{error:.3f}", f"{best:.3f}", f"{excesses[case]:+.3f} %", f"{ratios[case]:.1f}")
        )
    if not rows:
        return [missing(what, wanted, "none of the pictures is in DATA")]
    show(
        "pimenton best against the least errors known, one thread",
        ("picture/colors", "least known MSE", "best", "above", "times balanced's time"),
        rows,
    )
    worst, slowest = max(excesses, key=excesses.__getitem__), max(ratios, key=ratios.__getitem__)
    reached = f"worst {excesses[worst]:+.3f} % ({worst}), {ratios[slowest]:.1f} x ({slowest})"
    met = excesses[worst] <= 0.3 and ratios[slowest] <= 10
    some = "" if len(rows) == len(least) else f", {len(rows)} of {len(least)} cases"
    return [Target(what + some, wanted, reached, met)]

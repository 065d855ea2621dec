"""How long it takes to make files at equal looks."""

from functools import partial
from statistics import fmean

from equal import Study
from files import one_encode, ours
from measuring import timed
from pictures import BUNDLED, SIX
from pimenton import read_image
from tables import Target, missing, show

# Seconds a megapixel for one encode, at most, on one thread.
SECONDS = {"fast": 0.3, "balanced": 0.8, "best": 6.0}
SEARCH = 2.5
LARGE = ("large/dev/Lake_Atitlan_3840.jpg", "large/dev/Louvre.jpg")


def one_encodes(study: Study) -> list[Target]:
    """Time one encode and the search for a score, a megapixel on one thread."""
    data = study.data
    paths = [data / name for name in SIX if data is not None and (data / name).exists()]
    rows, targets = [], []
    for effort, most in SECONDS.items():
        once, searched, saved = [], [], []
        for path in paths or [BUNDLED]:
            pixels = read_image(path)
            megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
            file, theirs = study.theirs(pixels, 256)
            once.append(timed(partial(one_encode, pixels, effort), min_runs=1).seconds / megapixels)
            made = ours(pixels, theirs.ssimulacra2, effort)
            searched.append(made.seconds / megapixels)
            saved.append(100 * (1 - made.n_bytes / len(file)))
        ratio = fmean(searched) / fmean(once)
        rows.append(
            (
                effort,
                f"{fmean(once):.2f}",
                f"{max(once):.2f}",
                f"{fmean(searched):.2f}",
                f"{ratio:.2f}",
                f"{fmean(saved):.1f} %",
            )
        )
        reached = f"{fmean(once):.2f} s (at most {max(once):.2f})"
        what = f"one encode, {effort}, one thread"
        targets.append(Target(what, f"<= {most} s a megapixel", reached, fmean(once) <= most))
        what = f"search for a score, {effort}"
        targets.append(Target(what, f"<= {SEARCH} x one encode", f"{ratio:.2f} x", ratio <= SEARCH))
        if effort == "fast":
            what = "saved by fast at pngquant's 256-color score"
            mean = fmean(saved)
            targets.append(Target(what, ">= 30 %", f"{mean:.1f} %", mean >= 30))
    header = ("effort", "s/MP, once", "slowest", "s/MP, searched", "times once", "saved")
    show("Seconds a megapixel, one thread", header, rows)
    return targets


def large_pictures(study: Study) -> list[Target]:
    """Time large pictures on two threads, at the score of pngquant's 256 colors."""
    targets = []
    for name in LARGE:
        what, wanted = f"{name}, balanced, two threads", "<= 0.6 s a megapixel, >= 15 % saved"
        if study.data is None or not (study.data / name).exists():
            targets.append(missing(what, wanted, "not in DATA"))
            continue
        pixels = read_image(study.data / name)
        file, theirs = study.theirs(pixels, 256)
        made = ours(pixels, theirs.ssimulacra2, "balanced", n_threads=2)
        seconds = made.seconds / (pixels.shape[0] * pixels.shape[1] / 1e6)
        saved = 100 * (1 - made.n_bytes / len(file))
        reached = f"{seconds:.2f} s, {saved:.1f} %" + ("" if made.reached else " (not reached)")
        met = seconds <= 0.6 and saved >= 15 and made.reached
        targets.append(Target(what, wanted, reached, met))
    return targets

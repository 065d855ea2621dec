"""How many bytes a file takes that looks as good as what pngquant + oxipng make."""

import csv
import hashlib
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean
from typing import Any

from files import ours, pngquant_oxipng
from kept import Kept
from looks import Looks, looks
from measuring import version_of
from pictures import BUNDLED, digest_of
from pimenton import Options, read_image
from pimenton.pixels import Pixels
from pimenton.still import compress_pixels
from tables import Target, missing, show

COUNTS = (256, 128)
PHOTOGRAPHS = ("kodak", "cq100")
# Bytes saved at the score of 256 and of 128 colors, in percent, at least.
SAVED = {
    "balanced png": (40, 48),
    "best png": (45, 53),
    "balanced webp": (45, 52),
    "balanced png by the worst of three": (30, 42),
}
SAVED_ON_GRAPHICS = 20
# How far above pngquant's SSIMULACRA 2 a file is tried that its other scores ask more of.
_LIFTS = (0.0, 1.0, 2.5, 4.5, 7.0, 10.0)


@dataclass(frozen=True)
class Study:
    """What is measured, and where it is kept.

    Attributes
    ----------
    data : Path or None
        Folder of test sets; without it the bundled picture is all there is.
    out : Path
        Where results go.
    package : str
        Digest of the package that is measured, so that no result of another is taken for its.
    every : int
        Take every so-manieth picture of a set.
    variants : tuple of str
        Keys of ``SAVED`` to measure.
    """

    data: Path | None
    out: Path
    package: str
    every: int
    variants: tuple[str, ...]

    @cached_property
    def kept(self) -> Kept:
        """Everything measured so far."""
        return Kept(self.out / "quality.json")

    def pictures(self) -> list[Path]:
        """Give the pictures, photographs first."""
        if self.data is None:
            return [BUNDLED]
        sets = [self.data / name / "dev" for name in PHOTOGRAPHS]
        sets += sorted(self.data.glob("graphics_*/dev"))
        return [path for folder in sets for path in sorted(folder.glob("*.png"))[:: self.every]]

    def theirs(self, pixels: Pixels, n_colors: int) -> tuple[bytes, Looks]:
        """Give the file of pngquant + oxipng, kept beside the results, and its scores."""
        versions = f"{version_of('pngquant-cli')} {version_of('pyoxipng')}".replace(" ", "-")
        name = f"{digest_of(pixels)}-pngquant-{versions}-{n_colors}.png"
        path = self.out / "files" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pngquant_oxipng(pixels, n_colors))
        data = path.read_bytes()
        return data, self.looks(pixels, data)

    def looks(self, pixels: Pixels, data: bytes) -> Looks:
        """Score a file."""
        key = f"looks {digest_of(pixels)} {hashlib.sha256(data).hexdigest()[:24]}"
        return Looks(*self.kept.value(key, lambda: looks(pixels, read_image(data))))

    def own(self, what: str, pixels: Pixels, compute: Any) -> Any:
        """Give a result of this state of the package."""
        return self.kept.value(f"own {self.package} {digest_of(pixels)} {what}", compute)


def equal_looks(study: Study) -> list[Target]:
    """Compare bytes at equal scores on every picture, and write them to a table of commas."""
    rows = [row for path in study.pictures() for row in _rows_of(study, path)]
    study.out.mkdir(parents=True, exist_ok=True)
    with (study.out / "quality.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    photographs = [row for row in rows if not row["set"].startswith("graphics_")]
    graphics = [row for row in rows if row["set"].startswith("graphics_")]
    _show_summary(rows)
    print(f"\nEach picture: {study.out / 'quality.csv'}")
    targets = []
    for variant, wanted in SAVED.items():
        for n_colors, least in zip(COUNTS, wanted, strict=True):
            targets.append(_saved_target("photographs", photographs, variant, n_colors, least))
    least = SAVED_ON_GRAPHICS
    targets += [_saved_target("graphics", graphics, "balanced png", k, least) for k in COUNTS]
    return targets


def _rows_of(study: Study, path: Path) -> list[dict[str, Any]]:
    # One of the logos has the rest of a longer file behind its end.
    pixels = read_image(path, lenient=True)
    rows = []
    for n_colors in COUNTS:
        data, theirs = study.theirs(pixels, n_colors)
        row: dict[str, Any] = {
            "set": path.parts[-3],
            "picture": path.stem,
            "n_colors": n_colors,
            "bytes": len(data),
            **theirs._asdict(),
        }
        for variant in SAVED:
            effort, format = variant.split()[:2]
            found = ("", "", "", "", "")
            if variant in study.variants:
                measure = _reach_all if "worst" in variant else _reach_score
                compute = partial(measure, study, pixels, theirs, effort, format)
                found = study.own(f"{variant} {n_colors}", pixels, compute)
            names = ("bytes", "score", "reached", "seconds", "lift")
            row |= {f"{variant}: {name}": v for name, v in zip(names, found, strict=True)}
        print(f"{row['set']}/{row['picture']} {n_colors}: {_saved_of(row, 'balanced png')}")
        rows.append(row)
    return rows


def _reach_score(
    study: Study, pixels: Pixels, theirs: Looks, effort: str, format: str
) -> tuple[int, float, bool, float, float]:
    made = ours(pixels, theirs.ssimulacra2, effort, format)
    return made.n_bytes, made.score, made.reached, made.seconds, 0.0


def _reach_all(
    study: Study, pixels: Pixels, theirs: Looks, effort: str, format: str
) -> tuple[int, float, bool, float, float]:
    """Ask for more and more until no score is worse."""
    for lift in _LIFTS:
        made = ours(pixels, min(theirs.ssimulacra2 + lift, 100.0), effort, format)
        if study.looks(pixels, made.data).reaches(theirs):
            return made.n_bytes, made.score, True, made.seconds, lift
        if not made.reached:
            break
    return made.n_bytes, made.score, False, made.seconds, lift


def _saved_of(row: dict[str, Any], variant: str) -> str:
    if row[f"{variant}: bytes"] == "":
        return "not measured"
    said = f"{_saved(row, variant):.1f} %"
    return said if row[f"{variant}: reached"] else f"not reached ({said})"


def _saved(row: dict[str, Any], variant: str) -> float:
    return 100 * (1 - row[f"{variant}: bytes"] / row["bytes"])


def _counted(row: dict[str, Any], variant: str) -> float:
    """Count nothing as saved where the score was not reached."""
    return _saved(row, variant) if row[f"{variant}: reached"] else 0.0


def _show_summary(rows: list[dict[str, Any]]) -> None:
    summary = []
    for name in dict.fromkeys(row["set"] for row in rows):
        for variant in SAVED:
            cells = [name, variant]
            for n_colors in COUNTS:
                some = [r for r in rows if (r["set"], r["n_colors"]) == (name, n_colors)]
                some = [r for r in some if r[f"{variant}: bytes"] != ""]
                if not some:
                    cells += ["", "", ""]
                    continue
                worst = min(some, key=lambda row: _counted(row, variant))
                cells += [
                    f"{fmean(_counted(row, variant) for row in some):.1f} %",
                    f"{worst['picture']} {_counted(worst, variant):.1f} %",
                    f"{sum(row[f'{variant}: reached'] for row in some)} of {len(some)}",
                ]
            summary.append(cells)
    header = ["set", "pimenton"]
    for n_colors in COUNTS:
        header += [f"saved at its {n_colors}", "worst", "reached"]
    show("Bytes saved against pngquant + oxipng at equal scores", header, summary)
    print("\nA picture on which the score was not reached counts as 0 % saved.")


def _saved_target(
    what: str, rows: list[dict[str, Any]], variant: str, n_colors: int, least: float
) -> Target:
    name, wanted = f"{what}, {variant}, at its {n_colors}-color score", f">= {least} % saved"
    some = [r for r in rows if r["n_colors"] == n_colors and r[f"{variant}: bytes"] != ""]
    if not some:
        return missing(name, wanted, "no such pictures, or not asked for")
    mean = fmean(_counted(row, variant) for row in some)
    n_reached = sum(row[f"{variant}: reached"] for row in some)
    reached = f"{mean:.1f} %, {n_reached} of {len(some)} pictures reached"
    met = mean >= least
    if what == "graphics":
        larger = [row["picture"] for row in some if _saved(row, variant) < 0]
        wanted += ", none larger"
        reached += f", larger: {', '.join(larger) or 'none'}"
        met = met and not larger and n_reached == len(some)
    if "worst" in variant and n_colors == 256:
        wanted += ", every picture reached"
        met = met and n_reached == len(some)
    return Target(name, wanted, reached, met)


def undeflated(study: Study) -> list[Target]:
    """Compare scores at equal bytes without the parse: 256 colors, dithered."""
    what, wanted = "without the parse, at the bytes of pngquant's 256", ">= 3 points higher"
    gains = []
    for path in [p for p in study.pictures() if not p.parts[-3].startswith("graphics_")]:
        pixels = read_image(path)
        data, theirs = study.theirs(pixels, 256)
        best = study.own("dithered", pixels, partial(_best_dithered, study, pixels, len(data)))
        if best is not None:
            gains.append((best - theirs.ssimulacra2, path.stem))
    if not gains:
        return [missing(what, wanted, "no file is as small")]
    worst = min(gains)
    mean = fmean(gain for gain, _ in gains)
    reached = f"{mean:+.2f} (worst {worst[1]} {worst[0]:+.2f}), {len(gains)} pictures"
    return [Target(what, wanted, reached, mean >= 3)]


def _best_dithered(study: Study, pixels: Pixels, max_bytes: int) -> float | None:
    """Give the best score of files within the bytes, over some strengths of dithering."""
    scores = []
    for strength in (1.0, 0.8, 0.6, 0.4, 0.2, 0.0):
        options = Options(n_colors=256, parse=False, dither="sierra", dither_strength=strength)
        made = compress_pixels(pixels, "png", options, n_threads=1)
        if len(made.data) <= max_bytes:
            scores.append(study.looks(pixels, made.data).ssimulacra2)
            if len(scores) == 2:
                break
    return max(scores, default=None)

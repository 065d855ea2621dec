"""``pimenton pngquant``, also ``pimenton-pngquant``: pngquant's command line, over pimenton.

Options, names, exit statuses and pipes are those of pngquant 2 and 3, so that a build that calls it
need not be changed.
"""

import dataclasses
import getopt
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pimenton.drop_in import Requantized, Wishes, requantize
from pimenton.errors import UnreadableImage, one_line
from pimenton.formats import write_atomically

NO_ARGUMENTS, UNREADABLE, WRONG, EXISTS, UNWRITABLE, DAMAGED = 1, 2, 4, 15, 16, 25
LARGER, TOO_POOR = 98, 99

USAGE = """\
usage:  pimenton-pngquant [options] [ncolors] -- pngfile [pngfile ...]
        pimenton-pngquant [options] [ncolors] - >stdout <stdin

options:
  --colors N        most colors in the palette, 2 to 256
  -o, --output F    file to write, for one input; - is standard output
  --ext S           ending in place of .png  [default: -fs8.png or -or8.png]
  -f, --force       replace existing outputs
  -Q, --quality     min-max: exit with 99 below min, fewest colors for max
  -s, --speed N     1 (slow) to 11 (fast)  [default: 4]
  --floyd[=0..1]    strength of the dithering
  --nofs, --ordered no dithering
  --posterize N     drop N bits of each channel, 0 to 4
  --skip-if-larger  exit with 98 where the result is not worth its loss
  --strip           leave out all metadata
  --map F           use the palette of this picture
  -v, --verbose     say what is done on standard error
  -q, --quiet       say nothing
  -V, --version     print the version
  -h, --help        print this text

Without --output a result lies beside its input, under its name with another ending.
"""

_LETTERS = "o:fQ:s:vqVh"
_NAMES = (
    *("output=", "ext=", "force", "no-force", "quality=", "speed=", "nofs", "ordered"),
    *("posterize=", "skip-if-larger", "strip", "map=", "colors=", "transbug", "iebug"),
    *("verbose", "quiet", "version", "help", "floyd="),
)
_LONG = {name.removesuffix("=") for name in _NAMES}
_SHORT = {"-o": "output", "-f": "force", "-Q": "quality", "-s": "speed",
          "-v": "verbose", "-q": "quiet", "-V": "version", "-h": "help"}  # fmt: skip


class _Stop(Exception):
    """An end with a status and a sentence for the user."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class _Call:
    """What the command line asks for."""

    wishes: Wishes
    inputs: tuple[str, ...]
    output: str | None = None
    ending: str = "-fs8.png"
    force: bool = False
    verbose: bool = False
    quiet: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status, one of pngquant's."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        _say(USAGE.rstrip())
        return NO_ARGUMENTS
    try:
        found, rest = _parsed(words)
        if "help" in found:
            print(USAGE, end="")
            return 0
        if "version" in found:
            print(_version())
            return 0
        call = _call(found, rest)
    except _Stop as stop:
        _say(str(stop))
        return stop.status
    except UnreadableImage as error:
        _say(f"  error: {one_line(error)}")
        return DAMAGED
    return _run(call)


def _version() -> str:
    from pimenton import __version__

    return f"2.18.0 (pimenton {__version__})"


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _run(call: _Call) -> int:
    status = n_failed = 0
    for name in call.inputs:
        try:
            _one(name, call)
        except _Stop as stop:
            status, n_failed = stop.status, n_failed + 1
            # Files that are not worth writing are no news but on demand.
            if call.verbose or (not call.quiet and stop.status not in (LARGER, TOO_POOR)):
                _say(f"  error: {stop}")
        except BrokenPipeError:
            sys.stderr.close()
            return UNWRITABLE
    if call.verbose:
        n_done = len(call.inputs) - n_failed
        _say(f"Quantized {n_done} of {len(call.inputs)} images.")
    return status


def _one(name: str, call: _Call) -> None:
    """Read, quantize and write one file.

    Raises
    ------
    _Stop
        With the status of what went wrong.
    """
    is_piped = (name == "-" and call.output is None) or call.output == "-"
    target = None if is_piped else Path(call.output or _renamed(name, call.ending))
    if target is not None and target.exists() and not call.force:
        raise _Stop(EXISTS, f"'{target}' exists; not overwriting")
    data = _read(name)
    try:
        made = requantize(data, call.wishes, name="standard input" if name == "-" else name)
    except (UnreadableImage, ValueError, MemoryError) as error:
        raise _Stop(DAMAGED, one_line(error)) from error
    if call.verbose:
        _tell(name, data, made)
    if made.is_larger or not made.data:
        if is_piped:
            _emit(data)
        _refuse(made, call.wishes)
    if target is None:
        _emit(made.data)
        return
    try:
        write_atomically(target, made.data)
    except OSError as error:
        raise _Stop(UNWRITABLE, f"cannot write {one_line(error)}") from error


def _refuse(made: Requantized, wishes: Wishes) -> NoReturn:
    if made.is_larger:
        raise _Stop(LARGER, "the result is not small enough to be worth its loss")
    raise _Stop(TOO_POOR, f"quality {made.quality} is below the least one, {wishes.low}")


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise _Stop(UNREADABLE, f"cannot open {one_line(error)}") from error


def _emit(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _tell(name: str, data: bytes, made: Requantized) -> None:
    _say(f"{name}:\n  read {(len(data) + 1023) // 1024}KB file")
    _say(f"  mapped image to new colors...MSE={made.error:.3f} (Q={made.quality})")
    _say(f"  made {made.n_colors}-color image of {len(made.data)} bytes")


def _renamed(name: str, ending: str) -> str:
    return re.sub(r"\.(png|PNG)$", "", name) + ending


def _parsed(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Part options from names; each option by its long name."""
    words = [_modern(word) for word in words]
    # The strength of --floyd stands behind a sign or is missing, which getopt knows only lately.
    words = ["--floyd=1" if word == "--floyd" else word for word in words]
    try:
        pairs, rest = getopt.gnu_getopt(words, _LETTERS, list(_NAMES))
    except getopt.GetoptError as error:
        raise _Stop(WRONG, f"  error: {error}\n{USAGE.rstrip()}") from error
    return {_SHORT.get(flag, flag[2:]): value for flag, value in pairs}, rest


def _modern(word: str) -> str:
    """Take a long option with one dash as of old, with a warning."""
    name = word[1:].partition("=")[0]
    if word.startswith("-") and not word.startswith("--") and len(name) > 1 and name in _LONG:
        _say(f"  warning: option {word} is obsolete; use -{word}")
        return f"-{word}"
    return word


def _call(found: dict[str, str], rest: list[str]) -> _Call:
    wishes = _wishes(found)
    if rest and rest[0].isdecimal() and (len(rest) == 1 or "colors" not in found):
        wishes = dataclasses.replace(wishes, n_colors=_n_colors(rest.pop(0)))
        rest = rest or ["-"]
    if not rest:
        raise _Stop(NO_ARGUMENTS, f"  error: no input\n{USAGE.rstrip()}")
    if "output" in found and "ext" in found:
        raise _Stop(WRONG, "  error: --ext and --output can't be used at the same time")
    if "output" in found and len(rest) > 1:
        raise _Stop(WRONG, "  error: only one input file is allowed with --output")
    ending = "-or8.png" if wishes.strength == 0 else "-fs8.png"
    return _Call(
        wishes=wishes,
        inputs=tuple(rest),
        output=found.get("output"),
        ending=found.get("ext", ending),
        force="force" in found and "no-force" not in found,
        verbose="verbose" in found,
        quiet="quiet" in found,
    )


def _wishes(found: dict[str, str]) -> Wishes:
    speed = _number(found, "speed", 4, 1, 11)
    no_dither = speed == 11 or "nofs" in found or "ordered" in found
    low, high = _quality(found.get("quality", "0-100"))
    imposed = None
    if "map" in found:
        imposed = _read(found["map"])
    return Wishes(
        n_colors=_n_colors(found.get("colors", "256")),
        low=low,
        high=high,
        speed=int(speed),
        strength=0.0 if no_dither else _number(found, "floyd", 1, 0, 1),
        n_dropped_bits=int(_number(found, "posterize", 0, 0, 4)),
        skip_if_larger="skip-if-larger" in found,
        strip="strip" in found,
        map=imposed,
    )


def _n_colors(word: str) -> int:
    if not word.isdecimal() or not 2 <= int(word) <= 256:
        raise _Stop(WRONG, "Number of colors must be between 2 and 256.")
    return int(word)


def _number(found: dict[str, str], name: str, default: float, low: float, high: float) -> float:
    word = found.get(name, str(default))
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not low <= value <= high or (name != "floyd" and value != int(value)):
        raise _Stop(WRONG, f"  error: --{name} must be between {low:g} and {high:g}; got {word}")
    return value


def _quality(word: str) -> tuple[int, int]:
    """Read ``min-max``, ``N`` (from nine tenths of it), ``-N`` (from 0) or ``N-`` (to 100)."""
    match = re.fullmatch(r"(\d{1,3})?(-)?(\d{1,3})?", word)
    first, dash, second = match.groups() if match else (None, None, None)
    if first and not dash and not second:
        low, high = int(first) * 9 // 10, int(first)
    elif dash and (first or second):
        low, high = int(first or 0), int(second or 100)
    else:
        low, high = 101, 0
    if not 0 <= low <= high <= 100:
        raise _Stop(WRONG, "Quality value(s) must be numbers in range 0-100.")
    return low, high

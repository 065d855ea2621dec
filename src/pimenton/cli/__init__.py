"""The command line: one module for each command, brought in when it is called."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from pimenton.cli.answers import FAILED, USAGE, take_any_name
from pimenton.options import Options

# Each module adds its arguments to a parser and runs what was chosen.
COMMANDS = {
    "compress": "Compress pictures.",
    "palette": "Show or write the palette of a picture.",
    "compare": "Compare a result with its original.",
    "explain": "Tell K-means on a picture, step by step.",
    "curve": "Find out how many colors a picture needs.",
    "keys": "Say who may use the service.",
    "serve": "Serve a page and an interface for pictures.",
    "certificate": "Make a certificate for the service.",
    "tiles": "Compress a picture larger than memory.",
    "pngquant": "Do as pngquant does, with its options.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status: 0 done, 1 some input failed, 2 wrong usage."""
    take_any_name()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["pngquant"]:
        from pimenton.cli import pngquant

        return pngquant.main(words[1:])
    if words and words[0] not in (*COMMANDS, "-h", "--help", "--version"):
        words.insert(0, "compress")
    module = _module(words[0]) if words and words[0] in COMMANDS else None
    parser = _parser(module)
    if not words:
        parser.print_help(sys.stderr)
        return USAGE
    chosen = parser.parse_args(words)
    assert module is not None  # anything else has been answered
    try:
        options = _options_of(chosen)
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    try:
        status: int = module.run(chosen, options)
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be told.
        sys.stderr.close()
        return FAILED


def _module(command: str) -> ModuleType:
    return import_module(f"pimenton.cli.{command}")


def _parser(module: ModuleType | None) -> argparse.ArgumentParser:
    """Make the parser; only the command that is called needs its arguments."""
    from pimenton import __version__

    parser = argparse.ArgumentParser(
        prog="pimenton",
        description="Make small pictures with few colors.",
        epilog="`pimenton IN` is short for `pimenton compress IN`.",
    )
    parser.add_argument("--version", action="version", version=f"pimenton {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help in COMMANDS.items():
        command = commands.add_parser(name, help=help)
        if module is not None and module.__name__.endswith(f".{name}"):
            module.add_arguments(command)
    return parser


def _options_of(chosen: argparse.Namespace) -> Options:
    fields = [field.name for field in dataclasses.fields(Options)]
    return Options(**{name: getattr(chosen, name) for name in fields if hasattr(chosen, name)})

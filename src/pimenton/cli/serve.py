"""``pimenton serve``: the page and the service."""

import argparse
import dataclasses
import sys

from pimenton.cli.answers import USAGE, complain
from pimenton.errors import one_line
from pimenton.options import Options
from pimenton.web.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser: a flag for each field of ``Settings``."""
    for field in dataclasses.fields(Settings):
        rules = field.metadata
        if rules["read"] is bool:
            parser.add_argument(
                *rules["flags"], dest=field.name, action="store_true", help=rules["help"]
            )
            continue
        shown = "automatic" if field.default in (None, ()) else field.default
        parser.add_argument(
            *rules["flags"],
            dest=field.name,
            type=rules["read"],
            default=field.default,
            metavar="N" if rules["limits"] else "TEXT",
            help=f"{rules['help']}  [default: {shown}]",
        )
    parser.add_argument("--open", action="store_true", help="Open the page in a browser.")


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Serve until told to end."""
    names = [field.name for field in dataclasses.fields(Settings)]
    try:
        settings = Settings(**{name: getattr(chosen, name) for name in names})
    except ValueError as error:
        return complain(str(error), USAGE)
    try:
        from pimenton.web.running import serve
    except ImportError as error:
        return complain(f"serve needs {error.name}: pip install 'pimenton[web]'")
    try:
        serve(settings, opens=chosen.open, tell=_tell)
    except (OSError, ValueError, ImportError) as error:
        return complain(one_line(error))
    return 0


def _tell(address: str) -> None:
    print(f"pimenton: listening at {address}", file=sys.stderr, flush=True)

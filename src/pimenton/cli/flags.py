"""Flags made from the options, and those that several commands have."""

import argparse
import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from pimenton.errors import UnreadableImage, one_line
from pimenton.options import Options


def add_options(
    parser: argparse.ArgumentParser, *, only: Collection[str] | None = None, **defaults: Any
) -> None:
    """Add a flag for each field of ``Options``, or some, with its default or another one."""
    for field in dataclasses.fields(Options):
        if only is not None and field.name not in only:
            continue
        rules = field.metadata
        default = defaults.get(field.name, field.default)
        shown = "automatic" if default is None else default
        help = f"{rules['help']}  [default: {shown}]"
        if rules["type"] is bool:
            action = "store_true" if default is False else argparse.BooleanOptionalAction
            parser.add_argument(
                *rules["flags"],
                dest=field.name,
                action=action,
                default=default,
                help=rules["help"] if default is False else help,
            )
            continue
        parser.add_argument(
            *rules["flags"],
            dest=field.name,
            type=_saying(rules["read"]),
            choices=rules["choices"],
            default=default,
            metavar=None if rules["choices"] else "N",
            help=help,
        )
    parser.add_argument("--threads", type=int, metavar="N", help="Threads.  [default: all cores]")


def _saying(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse say what a reader of ours has to say; numbers it says in its own words."""
    if isinstance(read, type):
        return read

    def reader(word: str) -> Any:
        try:
            return read(word)
        except (UnreadableImage, OSError, ValueError) as error:
            raise argparse.ArgumentTypeError(one_line(error)) from error

    return reader


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add the flag that allows to replace a file."""
    parser.add_argument("--force", action="store_true", help="Replace an existing output.")


def add_lang(parser: argparse.ArgumentParser) -> None:
    """Add the flag that chooses the language of a page."""
    parser.add_argument(
        "--lang", choices=("en", "es"), help="Language of the page.  [default: the locale's]"
    )

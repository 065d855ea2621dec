"""``pimenton keys``: who may use the service."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pimenton.cli.answers import USAGE, complain
from pimenton.errors import one_line
from pimenton.options import Options
from pimenton.web.keys import Keys
from pimenton.web.records import Records, default_folder

ACTIONS = ("add", "allow", "list", "remove")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument("action", choices=ACTIONS, help="What to do.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="What the key is called.")
    parser.add_argument(
        "--quota", type=int, metavar="N", help="Compressions a month.  [default: no limit]"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR",
        help="Folder of the service.  [default: ~/.local/state/pimenton]",
    )  # fmt: skip


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Add a key and print it, allow one that was asked for, list all, or remove one."""
    wrong = _wrong_usage(chosen)
    if wrong:
        return complain(wrong, USAGE)
    try:
        records = Records(chosen.data or default_folder())
        try:
            return _done(chosen, Keys(records))
        finally:
            records.close()
    except (OSError, ValueError) as error:
        return complain(one_line(error))


def _wrong_usage(chosen: argparse.Namespace) -> str:
    if (chosen.name is None) != (chosen.action == "list"):
        return "add, allow and remove take a NAME, list takes none"
    if chosen.quota is not None and chosen.action not in ("add", "allow"):
        return "--quota goes with add and allow"
    return ""


def _done(chosen: argparse.Namespace, keys: Keys) -> int:
    if chosen.action == "add":
        print(keys.add(chosen.name, quota=chosen.quota))
    elif chosen.action != "list":
        change: Callable[[str], bool] = keys.remove
        if chosen.action == "allow":
            change = partial(keys.allow, quota=chosen.quota)
        if not change(chosen.name):
            return complain(f"{chosen.name}: there is no such key")
    else:
        print(f"{'name':<24}{'this month':>10}{'quota':>9}")
        for account in keys.accounts():
            quota = "-" if account.quota is None else account.quota
            print(f"{account.name:<24}{keys.used(account):>10}{quota:>9}")
        for account in keys.accounts(is_asking=True):
            print(f"{account.name:<24}{'asks':>10}{'':>9}".rstrip())
    return 0

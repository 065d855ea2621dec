"""``pimenton certificate``: an authority of one's own, and a certificate for the service."""

import argparse
from pathlib import Path

from pimenton.cli.answers import complain, refuse_existing
from pimenton.cli.flags import add_force
from pimenton.errors import one_line
from pimenton.formats import write_atomically
from pimenton.options import Options

AUTHORITY, CERTIFICATE, KEY = "authority.pem", "certificate.pem", "certificate.key"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME",
        help="Names and addresses of the service.  [default: localhost and its addresses]",
    )  # fmt: skip
    parser.add_argument(
        "--to", type=Path, default=Path(), metavar="DIR", help="Folder for the files.  [default: .]"
    )
    parser.add_argument(
        "--days", type=int, default=825, metavar="N", help="How long it is good.  [default: 825]"
    )
    add_force(parser)


def run(chosen: argparse.Namespace, options: Options) -> int:
    """Write the authority, the certificate and its key."""
    try:
        from pimenton.web.certificates import LOCAL_NAMES, certify
    except ImportError as error:
        return complain(f"certificate needs {error.name}: pip install 'pimenton[web]'")
    paths = [chosen.to / name for name in (AUTHORITY, CERTIFICATE, KEY)]
    try:
        for path in paths:
            refuse_existing(path, force=chosen.force)
        made = certify(chosen.names or LOCAL_NAMES, n_days=chosen.days)
        chosen.to.mkdir(parents=True, exist_ok=True)
        _write_secret(paths[2], made.key)
        write_atomically(paths[0], made.authority)
        write_atomically(paths[1], made.certificate)
    except (OSError, ValueError) as error:
        return complain(one_line(error))
    print(f"{paths[0]}: for clients to trust")
    print(f"{paths[1]}, {paths[2]}: for serve --tls-cert and --tls-key")
    return 0


def _write_secret(path: Path, data: bytes) -> None:
    """Write a file that its owner alone can read, from its first byte on."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    write_atomically(path, data)

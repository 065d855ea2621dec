"""The commands as programs of their own: begun light and ended early, since builds run them often.

``python -m pimenton`` is the command too.
"""

import gc
import os
import sys
from collections.abc import Callable
from typing import NoReturn


def pimenton() -> NoReturn:
    """Be the command ``pimenton``."""
    _prepare()
    from pimenton.cli import main

    _run(main)


def pngquant() -> NoReturn:
    """Be the command ``pimenton-pngquant``."""
    _prepare()
    from pimenton.cli.pngquant import main

    _run(main)


def _prepare() -> None:
    # NumPy's BLAS starts a thread for each core, which spins; nothing here multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Modules leave no garbage.
    gc.disable()


def _run(main: Callable[[], int]) -> NoReturn:
    """Run a command, and end without taking the interpreter apart: what is written is written."""
    gc.freeze()
    gc.enable()
    try:
        status = main()
        sys.stdout.flush()
        # Closed where whoever read our output has gone.
        if not sys.stderr.closed:
            sys.stderr.flush()
    except OSError as error:
        # Files have been answered for; what is left is the output.
        status = 1
        if not isinstance(error, BrokenPipeError):
            os.write(2, f"pimenton: standard output: {error.strerror}\n".encode())
    os._exit(status)


if __name__ == "__main__":
    pimenton()

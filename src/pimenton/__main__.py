"""``python -m pimenton`` is the command."""

import sys

from pimenton.cli import main

sys.exit(main())

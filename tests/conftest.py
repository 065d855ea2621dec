"""Makes the tests' own modules importable and bounds hypothesis."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("pimenton", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("pimenton")

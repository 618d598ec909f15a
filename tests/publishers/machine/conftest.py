"""The publishing machine plays in the sample's warehouse, with the worlds of other rooms."""

import sys
from pathlib import Path

ROOMS = Path(__file__).parents[2]
for folder in ("rating/support", "reconciliation/support", "publishers/machine/support"):
    sys.path.insert(0, str(ROOMS / folder))

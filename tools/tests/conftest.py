"""Makes the recorder and the lab importable from the tests."""

import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOOLS / "recorder"), str(TOOLS / "lab")]

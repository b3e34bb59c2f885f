"""PyTorch definitions of Weighbridge's built-in models, and the studies that are made with them.

The definitions exist to be compared against: they are written for reading, take their parameter
names from the published originals, and are never tuned for speed.
"""

from .registry import ROWS, Row, build, parse_config, row

__all__ = ["ROWS", "Row", "build", "parse_config", "row"]

"""The recorded network: what a PyTorch network is and what each of its modules computes.

NETWORK.md describes the format, `network.schema.json` is its schema, `check` holds a text against both.
"""

from .checking import check
from .describing import FORMAT, VERSION, Network, describe, said

__all__ = ["FORMAT", "VERSION", "Network", "check", "describe", "said"]

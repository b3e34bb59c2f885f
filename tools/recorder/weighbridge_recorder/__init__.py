"""Records what a PyTorch network computes, for Weighbridge to hold another implementation against.

`record` runs a network and writes a reference: its inputs, its outputs, what every module returned,
and how exact PyTorch itself was there. `export` writes its weights. torch and NumPy are all that is
needed; `.h5` files want h5py and `.safetensors` files safetensors.
"""

from .errors import ToolError
from .exporting import export
from .recording import record
from .runs import Recording, run
from .storage import HDF5Options

__version__ = "0.9.0"

__all__ = ["HDF5Options", "Recording", "ToolError", "export", "record", "run"]

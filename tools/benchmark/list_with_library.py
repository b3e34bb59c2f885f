"""Names, dtypes and shapes of a file, as its format's own library tells them.

Prints them, and on standard error the seconds that it took without importing anything.
"""

import sys
import time
from pathlib import Path


def safetensors(path: Path):
    from safetensors import safe_open

    began = time.monotonic()
    with safe_open(path, "numpy") as file:
        found = [
            (name, part.get_dtype(), part.get_shape())
            for name, part in ((name, file.get_slice(name)) for name in file.keys())
        ]
    return began, found


def npz(path: Path):
    import numpy as np

    began = time.monotonic()
    with np.load(path) as file:
        found = [(name, a.dtype, a.shape) for name, a in ((name, file[name]) for name in file.files)]
    return began, found


def hdf5(path: Path):
    import h5py

    began = time.monotonic()
    found = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, a: found.append((name, a.dtype, a.shape))
            if isinstance(a, h5py.Dataset) else None)
    return began, found


def pth(path: Path):
    import torch

    began = time.monotonic()
    state = torch.load(path, weights_only=True, mmap=True)
    return began, [(name, a.dtype, tuple(a.shape)) for name, a in state.items()]


def main() -> None:
    path = Path(sys.argv[1])
    began, found = {
        ".safetensors": safetensors, ".npz": npz, ".h5": hdf5, ".pth": pth}[path.suffix](path)
    print("\n".join(f"{name} {kind} {shape}" for name, kind, shape in found))
    print(time.monotonic() - began, file=sys.stderr)


main()

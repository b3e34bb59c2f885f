"""Named arrays in files: npz, HDF5, safetensors, and PyTorch's own for reading.

Writers stream entry by entry to a temporary name and rename it when the file is complete.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor

from .errors import ToolError

HDF5_SUFFIXES = {".h5", ".hdf5", ".hdf"}
TORCH_SUFFIXES = {".pth", ".pt"}


@dataclass(frozen=True)
class HDF5Options:
    """How datasets are laid out; the filters need chunks and turn them on."""

    nested: bool = False
    chunks: bool = False
    gzip: int | None = None
    shuffle: bool = False
    fletcher32: bool = False

    def dataset_arguments(self, array: np.ndarray) -> dict:
        """Arguments of `create_dataset`; a scalar or an empty array takes no chunks."""
        filtered = self.gzip is not None or self.shuffle or self.fletcher32
        if array.size == 0 or array.ndim == 0 or not (self.chunks or filtered):
            return {}
        return {
            "chunks": True,
            "compression": None if self.gzip is None else "gzip",
            "compression_opts": self.gzip,
            "shuffle": self.shuffle,
            "fletcher32": self.fletcher32,
        }


class ArrayWriter(Protocol):
    """Takes named arrays one at a time, and one JSON text."""

    def add(self, name: str, array: np.ndarray) -> None: ...

    def add_metadata(self, value: dict) -> None: ...


class NpzWriter:
    """A zip of .npy entries, stored unless `deflate`."""

    def __init__(self, path: Path, deflate: bool = False) -> None:
        method = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
        self.archive = zipfile.ZipFile(path, "w", compression=method)

    def add(self, name: str, array: np.ndarray) -> None:
        # The entry's date is fixed: the same arrays make the same file.
        info = zipfile.ZipInfo(f"{name}.npy")
        info.compress_type = self.archive.compression
        info.external_attr = 0o644 << 16
        with self.archive.open(info, "w", force_zip64=array.nbytes >= 2**31) as entry:
            np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)

    def add_metadata(self, value: dict) -> None:
        self.add("metadata", np.array(json.dumps(value)))

    def close(self) -> None:
        self.archive.close()


class HDF5Writer:
    """Datasets by name. `/` makes groups; with `nested`, `.` does too."""

    def __init__(self, path: Path, options: HDF5Options) -> None:
        self.file = h5py.File(path, "w")
        self.options = options

    def add(self, name: str, array: np.ndarray) -> None:
        if self.options.nested:
            name = name.replace(".", "/")
        arguments = self.options.dataset_arguments(array)
        self.file.create_dataset(name, data=array, track_times=False, **arguments)

    def add_metadata(self, value: dict) -> None:
        self.file.attrs["metadata"] = json.dumps(value)

    def close(self) -> None:
        self.file.close()


class SafetensorsWriter:
    """One safetensors file; its format wants every size in front, so arrays wait in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.arrays: dict[str, np.ndarray] = {}
        self.metadata: dict[str, str] | None = None

    def add(self, name: str, array: np.ndarray) -> None:
        # Not np.ascontiguousarray: it makes a scalar an array of one element.
        self.arrays[name] = np.array(array, order="C")

    def add_metadata(self, value: dict) -> None:
        self.metadata = {"metadata": json.dumps(value)}

    def close(self) -> None:
        safetensors.numpy.save_file(self.arrays, self.path, self.metadata)


@contextmanager
def open_writer(
    path: Path, *, deflate: bool = False, hdf5: HDF5Options = HDF5Options()
) -> Iterator[ArrayWriter]:
    """A writer for the file type that `path`'s extension names; the file appears when complete."""
    temporary = path.with_name(f".{path.name}.partial")
    if path.suffix == ".npz":
        writer = NpzWriter(temporary, deflate)
    elif path.suffix in HDF5_SUFFIXES:
        writer = HDF5Writer(temporary, hdf5)
    elif path.suffix == ".safetensors":
        writer = SafetensorsWriter(temporary)
    else:
        raise ToolError(f"{path}: the extension must be .npz, .h5, .hdf5 or .safetensors")
    try:
        yield writer
        writer.close()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def numpy_of(tensor: Tensor) -> np.ndarray:
    """The tensor's values; bfloat16, which NumPy lacks, becomes float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an npz or HDF5 file by its name in the file; groups are joined by `/`."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    if path.suffix in HDF5_SUFFIXES:
        found: dict[str, np.ndarray] = {}

        def collect(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        with h5py.File(path, "r") as file:
            file.visititems(collect)
        return found
    raise ToolError(f"{path}: the extension must be .npz, .h5 or .hdf5")


def read_metadata(path: Path) -> dict:
    """The JSON metadata of a reference file, or an empty dictionary."""
    if path.suffix in HDF5_SUFFIXES:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("metadata", "{}")
    else:
        text = str(read_arrays(path).get("metadata", "{}"))
    return json.loads(text)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """A checkpoint's tensors under state-dict names, from npz, HDF5, safetensors, pth or pt."""
    if path.suffix in TORCH_SUFFIXES:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return state.get("state_dict", state)
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    nested = path.suffix in HDF5_SUFFIXES
    return {
        name.replace("/", ".") if nested else name: torch.from_numpy(np.array(array, order="C"))
        for name, array in read_arrays(path).items()
    }

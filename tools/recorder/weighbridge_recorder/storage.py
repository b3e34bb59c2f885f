"""Named arrays in files: npz, HDF5, safetensors, and PyTorch's own for reading.

Writers stream entry by entry to a temporary name and rename it when the file is complete. h5py and
safetensors are imported by what needs them: an npz takes NumPy and PyTorch alone.
"""

from __future__ import annotations

import importlib
import json
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .errors import ToolError
from .pickled import Unwrapped, read_pickled

HDF5_SUFFIXES = {".h5", ".hdf5", ".hdf"}
TORCH_SUFFIXES = {".pth", ".pt", ".ckpt", ".bin", ".tar"}


def _needed(name: str, path: Path) -> ModuleType:
    """An optional module, or an error that says what it is needed for."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ToolError(
            f"{path} needs the Python package {package}: pip install {package}, or use .npz"
        ) from error


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
        self.file = _needed("h5py", path).File(path, "w")
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
        self.library = _needed("safetensors.numpy", path)
        self.arrays: dict[str, np.ndarray] = {}
        self.metadata: dict[str, str] | None = None

    def add(self, name: str, array: np.ndarray) -> None:
        # Not np.ascontiguousarray: it makes a scalar an array of one element.
        self.arrays[name] = np.array(array, order="C")

    def add_metadata(self, value: dict) -> None:
        self.metadata = {"metadata": json.dumps(value)}

    def close(self) -> None:
        self.library.save_file(self.arrays, self.path, self.metadata)


def check_destination(path: Path) -> None:
    """Whether a file can be written there, before there is work that would be lost."""
    if path.suffix not in {".npz", ".safetensors", *HDF5_SUFFIXES}:
        raise ToolError(f"{path}: the extension must be .npz, .h5, .hdf5 or .safetensors")
    if not path.parent.is_dir():
        missing = "is no folder" if path.parent.exists() else "does not exist"
        raise ToolError(f"{path}: the folder {path.parent} {missing}: make it first")
    if path.exists() and not path.is_file():
        raise ToolError(f"{path} is a folder or a device: give the name of a file")
    if path.suffix in HDF5_SUFFIXES:
        _needed("h5py", path)
    elif path.suffix == ".safetensors":
        _needed("safetensors.numpy", path)


@contextmanager
def open_writer(
    path: Path, *, deflate: bool = False, hdf5: HDF5Options = HDF5Options()
) -> Iterator[ArrayWriter]:
    """A writer for the file type that `path`'s extension names; the file appears when complete.

    It has the permissions of the file that it replaces, or those that the umask leaves a new one.
    """
    check_destination(path)
    temporary = path.with_name(f".{path.name}.partial")
    writer: NpzWriter | HDF5Writer | SafetensorsWriter
    try:
        temporary.unlink(missing_ok=True)
        mode = _placed(temporary, path)
        if path.suffix == ".npz":
            writer = NpzWriter(temporary, deflate)
        elif path.suffix in HDF5_SUFFIXES:
            writer = HDF5Writer(temporary, hdf5)
        else:
            writer = SafetensorsWriter(temporary)
        yield writer
        writer.close()
        # safetensors makes a file of its own, for its owner alone.
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _placed(temporary: Path, path: Path) -> int:
    """Makes an empty file; the permissions that `path` shall have."""
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    mode = stat.S_IMODE((path if path.exists() else temporary).stat().st_mode)
    # Whoever may not read the file that is replaced may not read the new one meanwhile.
    temporary.chmod(mode)
    return mode


def numpy_of(tensor: Tensor) -> np.ndarray:
    """The tensor's values; bfloat16 and floats of eight bits, which NumPy lacks, become float32."""
    tensor = tensor.detach().cpu()
    is_narrow = tensor.dtype == torch.bfloat16 or (
        tensor.is_floating_point() and tensor.element_size() == 1
    )
    return (tensor.float() if is_narrow else tensor).numpy()


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an npz or HDF5 file by its name in the file; groups are joined by `/`."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    if path.suffix in HDF5_SUFFIXES:
        h5py = _needed("h5py", path)
        found: dict[str, np.ndarray] = {}

        def collect(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        with h5py.File(path, "r") as file:
            file.visititems(collect)
        return found
    if path.suffix == ".safetensors":
        return _needed("safetensors.numpy", path).load_file(path)
    raise ToolError(f"{path}: the extension must be .npz, .h5, .hdf5 or .safetensors")


def read_metadata(path: Path) -> dict:
    """The JSON metadata of a reference file, or an empty dictionary."""
    if path.suffix in HDF5_SUFFIXES:
        with _needed("h5py", path).File(path, "r") as file:
            text = file.attrs.get("metadata", "{}")
    elif path.suffix == ".safetensors":
        with _needed("safetensors", path).safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get("metadata", "{}")
    else:
        text = str(read_arrays(path).get("metadata", "{}"))
    return json.loads(text)


def read_checkpoint(path: Path, key: str | None = None) -> Unwrapped:
    """A checkpoint's tensors under state-dict names, from npz, HDF5, safetensors or PyTorch's own.

    Args:
        key: which of several state dicts in one of PyTorch's files.
    """
    if path.suffix in TORCH_SUFFIXES:
        return read_pickled(path, key)
    if key is not None:
        raise ToolError(f"{path}: --key chooses within PyTorch's own files ({_listed()})")
    if path.suffix == ".safetensors":
        return Unwrapped(_needed("safetensors.torch", path).load_file(path))
    nested = path.suffix in HDF5_SUFFIXES
    return Unwrapped(
        {
            name.replace("/", ".") if nested else name: torch.from_numpy(np.array(array, order="C"))
            for name, array in read_arrays(path).items()
        }
    )


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint, without remarks."""
    return read_checkpoint(path).state


def _listed() -> str:
    return ", ".join(sorted(TORCH_SUFFIXES))

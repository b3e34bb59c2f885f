"""HDF5 files whose links, chunks and types have no end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np


def tower(file: h5py.File) -> None:
    for index in range(3000):
        file[f"l{index}"] = h5py.SoftLink(f"/l{index + 1}")
    file["l3000"] = np.zeros(3, "f4")


def circle(file: h5py.File) -> None:
    for index in range(3000):
        file[f"l{index}"] = h5py.SoftLink(f"/l{(index + 1) % 3000}")


def itself(file: h5py.File) -> None:
    group = file.create_group("g")
    for index in range(10_000):
        group[str(index)] = group


def doubling(file: h5py.File) -> None:
    """Every group stands twice in the next."""
    group = file.create_group("g0")
    group["w"] = np.zeros(3, "f4")
    for index in range(1, 40):
        above = file.create_group(f"g{index}")
        above["a"], above["b"] = group, group
        group = above


def long_links(file: h5py.File) -> None:
    for index in range(300):
        file[f"l{index}"] = h5py.SoftLink("/".join(["g"] * 3000))
    file["g/g"] = file.create_group("g")


def deep(file: h5py.File) -> None:
    group = file
    for _ in range(3000):
        group = group.create_group("g")
    group["w"] = np.zeros(3, "f4")


def unwritten(file: h5py.File) -> None:
    file.create_dataset("w", (1 << 33,), "f4", chunks=(1 << 10,))


def single_chunks(file: h5py.File) -> None:
    file.create_dataset("w", (1 << 30,), "f4", chunks=(1,))


def huge_chunk(file: h5py.File) -> None:
    file.create_dataset("w", (1 << 29,), "f8", chunks=((1 << 29) - 1,))


def zeros(file: h5py.File) -> None:
    data = np.zeros(1 << 26, "u1")
    file.create_dataset("w", data=data, chunks=(1 << 20,), compression="gzip", compression_opts=9)


def one_byte_chunks(file: h5py.File) -> None:
    file.create_dataset("w", data=np.zeros(5000, "u1"), chunks=(1,), compression="gzip")


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(".", "w", (4,))
    file.create_virtual_dataset("w", layout)


def external(file: h5py.File) -> None:
    file.create_dataset("w", (16,), "u1", external=[("/etc/passwd", 0, 16)])
    file["l"] = h5py.ExternalLink("/etc/passwd", "/w")


def attributes(file: h5py.File) -> None:
    for index in range(3000):
        file.attrs[f"a{index}"] = "v" * 1000


def texts(file: h5py.File) -> None:
    file.attrs["metadata"] = "v" * 60_000
    file.create_dataset("t", data=["v" * 10_000] * 100)


def members(file: h5py.File) -> None:
    kind = h5py.enum_dtype({f"n{i}": i for i in range(5000)}, basetype="i4")
    file.create_dataset("w", (3,), kind)
    kind = np.dtype([(f"f{i}", "f4") for i in range(1500)])
    file.create_dataset("c", (3,), kind)


def axes(file: h5py.File) -> None:
    file.create_dataset("w", (1,) * 32, "f4", chunks=(1,) * 32)


def many(file: h5py.File) -> None:
    for index in range(10_000):
        file.create_dataset(str(index), (0,), "f4")


def make(folder: Path) -> list[Path]:
    makers: list[Callable[[h5py.File], None]] = [
        tower, circle, itself, doubling, long_links, deep, unwritten, single_chunks, huge_chunk,
        zeros, one_byte_chunks, virtual, external, attributes, texts, members, axes, many,
    ]
    paths = []
    for maker in makers:
        for bounds in ("earliest", "latest"):
            path = folder / f"{maker.__name__}-{bounds}.h5"
            try:
                with h5py.File(path, "w", libver=bounds, track_order=False) as file:
                    maker(file)
            except (OSError, ValueError, RuntimeError):
                path.unlink(missing_ok=True)  # what this form of the format cannot hold
                continue
            paths.append(path)
    return paths

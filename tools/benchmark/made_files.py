"""The files that reading and converting are measured on."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import torch
from safetensors.numpy import save_file


def vit_base_arrays(blocks: int) -> dict[str, np.ndarray]:
    """Arrays of a ViT-B/16's names and shapes; of its twelve blocks, 343 MB of float32."""
    generator = np.random.default_rng(1)
    shapes = {"cls_token": (1, 1, 768), "pos_embed": (1, 197, 768)}
    shapes |= {"patch_embed.proj.weight": (768, 3, 16, 16), "patch_embed.proj.bias": (768,)}
    for i in range(blocks):
        block = {
            "norm1.weight": (768,), "norm1.bias": (768,), "attn.qkv.weight": (2304, 768),
            "attn.qkv.bias": (2304,), "attn.proj.weight": (768, 768), "attn.proj.bias": (768,),
            "norm2.weight": (768,), "norm2.bias": (768,), "mlp.fc1.weight": (3072, 768),
            "mlp.fc1.bias": (3072,), "mlp.fc2.weight": (768, 3072), "mlp.fc2.bias": (768,),
        }
        shapes |= {f"blocks.{i}.{name}": shape for name, shape in block.items()}
    shapes |= {"norm.weight": (768,), "norm.bias": (768,)}
    shapes |= {"head.weight": (1000, 768), "head.bias": (1000,)}
    return {
        name: generator.standard_normal(shape, dtype=np.float32) * 0.02
        for name, shape in shapes.items()
    }


def write(path: Path, arrays: dict[str, np.ndarray], **options) -> Path:
    """Writes a checkpoint as the format's own library does; the ending tells which."""
    if path.suffix == ".npz":
        (np.savez_compressed if options else np.savez)(path, **arrays)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array, **(options if array.size > 1 else {}))
    elif path.suffix == ".pth":
        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
    else:
        save_file(arrays, path)
    return path


def write_many(path: Path, count: int) -> Path:
    """A checkpoint of very many tensors of four floats each."""
    names = [f"layers.{i // 10}.part{i % 10}.weight" for i in range(count)]
    values = np.arange(4, dtype=np.float32)
    if path.suffix == ".safetensors":
        entries = {
            name: {"dtype": "F32", "shape": [4], "data_offsets": [16 * i, 16 * i + 16]}
            for i, name in enumerate(names)
        }
        header = json.dumps(entries, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)
        path.write_bytes(struct.pack("<Q", len(header)) + header + values.tobytes() * count)
    elif path.suffix == ".npz":
        raw = npy_header((4,)) + values.tobytes()
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(f"{name}.npy", raw)
    elif path.suffix == ".h5":
        with h5py.File(path, "w", libver="latest") as file:
            space, kind = h5py.h5s.create_simple((4,)), h5py.h5t.IEEE_F32LE
            for name in names:
                h5py.h5d.create(file.id, name.encode(), kind, space).write(
                    h5py.h5s.ALL, h5py.h5s.ALL, values)
    else:
        whole = torch.arange(4, dtype=torch.float32)
        torch.save({name: whole.clone() for name in names}, path)
    return path


def npy_header(shape: tuple[int, ...]) -> bytes:
    """The header of a float32 array's .npy file."""
    text = str({"descr": "<f4", "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def write_sparse(path: Path, gigabytes: int) -> Path:
    """One tensor of zeros that takes no room on the disk."""
    count = gigabytes << 28
    if path.suffix == ".safetensors":
        header = json.dumps(
            {"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
        header += b" " * (-len(header) % 8)
        head = struct.pack("<Q", len(header)) + header
    elif path.suffix == ".npy":
        head = npy_header((count,))
    else:
        with h5py.File(path, "w") as file:
            options = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            options.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            options.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            h5py.h5d.create(
                file.id, b"w", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((count,)), options)
        return path
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 4 * count)
    return path

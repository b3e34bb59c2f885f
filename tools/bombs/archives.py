"""Zip archives, NumPy arrays and safetensors that promise more than they hold."""

from __future__ import annotations

import bz2
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path


def array(descr: str, shape: str, data: bytes = b"", extra: str = "") -> bytes:
    """An .npy file whose header is any text."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, {extra}}}\n".encode()
    head = b"\x93NUMPY\x01\x00" if len(text) < 65536 else b"\x93NUMPY\x02\x00"
    return head + struct.pack("<H" if len(text) < 65536 else "<I", len(text)) + text + data


def archive(
    entries: dict[str, bytes], method: int = zipfile.ZIP_STORED, copies: int = 1
) -> bytes:
    """A zip archive, whose directory lists each entry `copies` times under other names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name, data in entries.items():
            packed.writestr(name, data)
        for info in list(packed.filelist):
            for index in range(1, copies):
                again = zipfile.ZipInfo(f"{index}{info.filename}")
                for field in ("CRC", "compress_size", "file_size", "header_offset"):
                    setattr(again, field, getattr(info, field))
                again.compress_type = info.compress_type
                packed.filelist.append(again)
    return file.getvalue()


def claimed(data: bytes, size: int) -> bytes:
    """An archive of one entry whose sizes, once inflated, are said to be others."""
    changed = bytearray(data)
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", changed, changed.index(mark) + at, size)
    return bytes(changed)


def repeated(count: int) -> bytes:
    """A raw deflate stream of that many zeros, made piece by piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = bytes(1 << 20)
    out = b"".join(packer.compress(piece) for _ in range(count >> 20))
    return out + packer.flush()


def safetensors(header: str | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(dtype: str, shape: list[int], offsets: list[int]) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def make(folder: Path) -> list[Path]:
    floats = array("'<f4'", "(3,)", bytes(12))
    zeros = array("'|u1'", f"({64 << 20},)") + bytes(64 << 20)
    deep = "(" * 5000 + ")" * 5000
    nested = "[" * 200_000
    files = {
        "deflate-64M.npz": archive({"a.npy": zeros}, zipfile.ZIP_DEFLATED),
        "bzip2-64M.npz": archive({"a.npy": zeros}, zipfile.ZIP_BZIP2),
        "lzma-64M.npz": archive({"a.npy": zeros}, zipfile.ZIP_LZMA),
        "claims-4G.npz": claimed(archive({"a.npy": floats}, zipfile.ZIP_DEFLATED), 0xFFFFFFF0),
        "overlaps-60000.npz": archive({"a.npy": zeros[: 1 << 16]}, copies=60_000),
        "overlaps-deflated.npz": archive({"a.npy": zeros}, zipfile.ZIP_DEFLATED, copies=500),
        "entries-60000.npz": archive({f"{i}.npy": b"" for i in range(60_000)}),
        "long-name.npz": archive({"n" * 65000 + ".npy": floats}),
        "control-name.npz": archive({"\x1b[31m\u202e\n.npy": floats}),
        "shape-deep.npz": archive({"a.npy": array("'<f4'", deep)}),
        "shape-axes.npz": archive({"a.npy": array("'<f4'", f"({'1,' * 20000})", bytes(4))}),
        "shape-huge.npz": archive({"a.npy": array("'<f4'", f"({'9' * 20000},)")}),
        "header-32M.npz": archive({"a.npy": array("'<f4'", "(1,)", bytes(4), " " * (32 << 20))}),
        "type-deep.npy": array("[" * 20000 + "]" * 20000, "(1,)", bytes(4)),
        "text-16M.npz": archive({"metadata.npy": array(f"'<U{4 << 20}'", "()", bytes(16 << 20))}),
        "zeros-64M.npz": archive({"pad": bytes(64 << 20)}, zipfile.ZIP_DEFLATED),
        "json-deep.safetensors": safetensors(nested),
        "json-deep-entry.safetensors": safetensors('{"a":' + nested),
        "json-deep-index.json": b'{"weight_map":' + nested.encode(),
        "length-99M.safetensors": safetensors("{}", length=99_000_000),
        "header-spaces.safetensors": safetensors("{" + " " * (50 << 20) + "}"),
        "metadata-long.safetensors": safetensors(
            json.dumps({"__metadata__": {"k" * 1_000_000: "v" * 1_000_000}})),
        "key-long.safetensors": safetensors(
            json.dumps({"k" * 1_000_000: entry("F32", [1], [0, 5])}), bytes(4)),
        "duplicates.safetensors": safetensors(
            "{" + ",".join(['"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'] * 50_000)
            + "}", bytes(4)),
        "empties-50000.safetensors": safetensors(
            json.dumps({f"t{i}": entry("F32", [0], [0, 0]) for i in range(50_000)})),
        "overlaps-30000.safetensors": safetensors(
            json.dumps({f"t{i}": entry("U8", [64], [i % 9, i % 9 + 64]) for i in range(30_000)}),
            bytes(72)),
        "axes.safetensors": safetensors(
            json.dumps({"a": entry("F32", [1] * 100_000, [0, 4])}), bytes(4)),
        "number-long.safetensors": safetensors(
            '{"a":{"dtype":"F32","shape":[' + "9" * 1_000_000 + '],"data_offsets":[0,4]}}', bytes(4)),
        "escapes.safetensors": safetensors('{"' + "\\ud800" * 100_000 + '":1}'),
        "index-many.json": json.dumps(
            {"weight_map": {f"t{i}": f"shard{i}" for i in range(20_000)}}).encode(),
        "index-itself.json": json.dumps({"weight_map": {"a": "index-itself.json"}}).encode(),
    }
    raw = bz2.compress(bytes(1 << 26))
    info = zipfile.ZipInfo("a.npy")
    files["bzip2-claims-3G.npz"] = claimed(
        archive({info.filename: zeros}, zipfile.ZIP_BZIP2), 3 << 30)
    files["raw.bz2"] = raw
    return written(folder, files)


def written(folder: Path, files: dict[str, bytes]) -> list[Path]:
    paths = []
    for name, data in files.items():
        (folder / name).write_bytes(data)
        paths.append(folder / name)
    return paths

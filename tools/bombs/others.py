"""ONNX, GGUF, Keras, and what is none of them."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

from archives import archive, written


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def model(graph: bytes) -> bytes:
    """An ONNX model: its version, and a graph."""
    return b"\x08\x08" + field(7, graph)


def initialiser(dims: list[int], data: bytes, name: str = "w") -> bytes:
    packed = b"".join(b"\x08" + varint(size) for size in dims)
    return field(5, packed + b"\x10\x01" + field(8, name.encode()) + field(9, data))


def nested(depth: int) -> bytes:
    """Nodes whose attribute is a graph of such a node."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(6, graph)))
    return graph


def gguf(tensors: int, pairs: int, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + rest


def string(value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(value) if length is None else length) + value


def make(folder: Path) -> list[Path]:
    many = (1 << 64) - 1
    nested_array = string(b"a") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 50_000
    files = {
        "nested.onnx": model(nested(2000)),
        "dims-overflow.onnx": model(initialiser([1 << 40, 1 << 40], bytes(4))),
        "dims-negative.onnx": model(initialiser([many], bytes(4))),
        "dims-many.onnx": model(initialiser([1] * 100_000, bytes(4))),
        "dims-terabytes.onnx": model(initialiser([1 << 40], bytes(4))),
        "length.onnx": b"\x08\x08\x3a" + varint(1 << 62),
        "varint.onnx": b"\x08\x08\x3a" + b"\xff" * 100,
        "names.onnx": model(initialiser([1], bytes(4), "n" * 1_000_000)),
        "many.onnx": model(b"".join(initialiser([1], bytes(4), str(i)) for i in range(30_000))),
        "twice.onnx": model(initialiser([1], bytes(4)) * 30_000),
        "external.onnx": model(field(
            5, b"\x08\x01\x10\x01" + field(8, b"w") + b"\x70\x01"
            + field(13, field(1, b"location") + field(2, b"/etc/passwd")))),
        "counts.gguf": gguf(many, 0),
        "pairs.gguf": gguf(0, many),
        "string.gguf": gguf(0, 1, string(b"a", many)),
        "array.gguf": gguf(0, 1, string(b"a") + struct.pack("<IIQ", 9, 4, many)),
        "array-deep.gguf": gguf(0, 1, nested_array),
        "axes.gguf": gguf(1, 0, string(b"t") + struct.pack("<I", 0xFFFFFFFF)),
        "shape.gguf": gguf(
            1, 0, string(b"t") + struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0) + bytes(64)),
        "offset.gguf": gguf(
            1, 0, string(b"t") + struct.pack("<IQIQ", 1, 4, 0, many - 31) + bytes(64)),
        "alignment.gguf": gguf(
            1, 1, string(b"general.alignment") + struct.pack("<II", 4, 0) + string(b"t")
            + struct.pack("<IQIQ", 1, 4, 0, 0) + bytes(64)),
        "config-deep.keras": archive(
            {"config.json": b"[" * 1_000_000, "metadata.json": b"{}", "model.weights.h5": b""}),
        "config-bomb.keras": archive(
            {"config.json": b" " * (64 << 20), "metadata.json": b"{}", "model.weights.h5": b""},
            zipfile.ZIP_DEFLATED),
        "weights-bomb.keras": archive(
            {"config.json": b"{}", "metadata.json": b"{}",
             "model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(64 << 20)}, zipfile.ZIP_DEFLATED),
        "config-layers.keras": archive(
            {"config.json": json.dumps({"config": {"layers": [
                {"class_name": "Dense", "config": {"name": f"l{i}"}} for i in range(20_000)]}}
            ).encode(), "metadata.json": b"{}", "model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(90)}),
        "zeros": bytes(1 << 20),
        "page.pth": b"<!DOCTYPE html>" + b"<a>" * 1_000_000,
        "line": b"a" * 10_000_000,
        "escapes": b"\x1b[2J\x1b[31m" * 1000,
    }
    sparse = folder / "sparse-10G.npz"
    with sparse.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(10 << 30)
    return [*written(folder, files), sparse]

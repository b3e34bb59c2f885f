"""Pickles that would run something, grow without end, or view what is not there."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from archives import archive, written


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    raw = value.to_bytes(9, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, count: int = 2) -> bytes:
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu")
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(count) + b"tQ"
        + number(offset) + numbers(shape) + numbers(strides) + b"\x89)tR"
    )


def pickle(body: bytes) -> bytes:
    return b"\x80\x02" + body + b"."


def saved(body: bytes, method: int = zipfile.ZIP_STORED, storage: bytes = bytes(8)) -> bytes:
    """An archive of torch.save with any pickle."""
    return archive(
        {"a/data.pkl": pickle(body), "a/byteorder": b"little", "a/data/0": storage}, method)


def laughs(levels: int, width: int) -> bytes:
    """Lists of the list before, over and over."""
    body = b"]q\x00"
    for level in range(1, levels):
        body += b"]q" + bytes([level]) + b"(" + (b"h" + bytes([level - 1])) * width + b"e"
        body += b"0" * 1 + b"h" + bytes([level])
    return body


def make(folder: Path) -> list[Path]:
    one = b"}" + text("w")
    return written(folder, {
        "system.pth": saved(b"cos\nsystem\n(" + text("touch hostile-was-here") + b"tR"),
        "system.pkl": pickle(b"cposix\nsystem\n(" + text("touch hostile-was-here") + b"tR"),
        "getattr.pkl": pickle(b"c__builtin__\neval\n(" + text("1") + b"tR}b"),
        "laughs.pth": saved(laughs(200, 10)),
        "laughs-members.pkl": pickle(laughs(200, 200)),
        "deep-tuples.pkl": pickle(b"N" + b"\x85" * 10_000_000),
        "deep-lists.pkl": pickle(b"]" * 3_000_000 + b"a" * 2_999_999),
        "deep-objects.pkl": pickle(b"c_\n_\n" + b"N" + b"\x85R" * 10),
        "circle.pkl": pickle(b"}q\x00" + text("a") + b"h\x00s"),
        "marks.pkl": pickle(b"(" * 10_000_000),
        "nones.pkl": pickle(b"N" * 4_000_000),
        "empty-dicts.pkl": pickle(b"}" * 1_000_000),
        "memo-far.pkl": pickle(b"Nr\xff\xff\xff\x7f"),
        "long-4G.pkl": pickle(b"\x8b\xff\xff\xff\x7f"),
        "text-2E.pkl": pickle(b"\x8d" + b"\xff" * 8),
        "frame-2E.pkl": pickle(b"\x95" + b"\xff" * 8 + b"N"),
        "line.pkl": pickle(b"S" + b"'" * 20_000_000),
        "digits.pkl": pickle(b"I" + b"9" * 900_000 + b"\n"),
        "pickle-1000.pth": saved(b"N" * (64 << 20) + b"0" * (1 << 20), zipfile.ZIP_DEFLATED),
        "storage-64M.pth": saved(
            one + tensor((1 << 24,), (1,), count=1 << 24) + b"s", zipfile.ZIP_DEFLATED,
            bytes(64 << 20)),
        "expanded.pth": saved(one + tensor((1 << 40,), (0,)) + b"s"),
        "expanded-200M.pth": saved(one + tensor((50 << 20,), (0,)) + b"s"),
        "expanded-many.pth": saved(
            b"}(" + b"".join(text(f"w{i}") + tensor((50 << 20,), (0,)) for i in range(200)) + b"u"),
        "stride.pth": saved(one + tensor((2,), (1 << 62,)) + b"s"),
        "stride-wraps.pth": saved(one + tensor((3, 5), (1 << 62, 1 << 62)) + b"s"),
        "negative.pth": saved(one + tensor((2,), (-1,), offset=1) + b"s"),
        "offset.pth": saved(one + tensor((2,), (1,), offset=1 << 61) + b"s"),
        "shape-negative.pth": saved(one + tensor((-2,), (1,)) + b"s"),
        "shape-overflow.pth": saved(one + tensor((1 << 40, 1 << 40), (0, 0)) + b"s"),
        "axes.pth": saved(one + tensor((1,) * 5000, (1,) * 5000) + b"s"),
        "count.pth": saved(one + tensor((2,), (1,), count=1 << 60) + b"s"),
        "byteorder.pth": archive(
            {"a/data.pkl": pickle(one + tensor((2,), (1,)) + b"s"), "a/byteorder": b"middle",
             "a/data/0": bytes(8)}),
        "same-20000.pth": saved(
            b"}(" + text("w") + tensor((2,), (1,)) + b"q\x01"
            + b"".join(b"M" + struct.pack("<H", i % 65536) + b"h\x01" for i in range(20_000)) + b"u"),
    })

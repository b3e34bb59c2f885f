"""NumPy's .npy and zipped .npz."""

import io
import json
import struct
import zipfile

import numpy as np

from .contents import ROOT, big_endian, expected, fortran, keep, refuse, tensors


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array), version=version)
    return out.getvalue()


def header(text, version=1, data=b""):
    body = text.encode()
    length = struct.pack("<H", len(body)) if version == 1 else struct.pack("<I", len(body))
    return b"\x93NUMPY" + bytes([version, 0]) + length + body + data


def zipped(entries, method=zipfile.ZIP_STORED, zip64=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=zip64) as file:
                file.write(data)
    return out.getvalue()


def write_npz():
    for name, save in (("stored", np.savez), ("deflated", np.savez_compressed)):
        for kind, arrays in (("", tensors()), ("-big", big_endian()), ("-fortran", fortran())):
            out = io.BytesIO()
            save(out, **arrays)
            keep(f"{name}{kind}.npz", out.getvalue(), arrays)
    # The reference dialect: slashes in names, and JSON as text.
    arrays = {
        "inputs/0": np.arange(4, dtype="<f4").reshape(1, 4),
        "activations/layer1.0.relu": np.ones((1, 2), "<f4"),
        "activations/layer1.0.relu#1": np.zeros((1, 2), "<f4"),
        "noise/layer1.0.relu": np.array([1e-8, 2e-8], "<f8"),
    }
    text = json.dumps({"model": "vit", "config": {"dim": 8}, "note": "é€😀"}, ensure_ascii=False)
    for name, value in (
        ("unicode", np.array(text)),
        ("bytes", np.frombuffer(text.encode(), np.uint8)),
        ("bigtext", np.array(text).astype(">U" + str(len(text)))),
    ):
        for save, kind in ((np.savez, ""), (np.savez_compressed, "-deflated")):
            out = io.BytesIO()
            save(out, **arrays, metadata=value)
            keep(f"reference-{name}{kind}.npz", out.getvalue(), arrays)
    some = {"a": np.arange(3, dtype="<f4"), "b": np.arange(4, dtype="<i4")}
    files = [(f"{k}.npy", npy(v)) for k, v in some.items()]
    keep("zip64.npz", zipped(files, zip64=True), some)
    keep("bzip2.npz", zipped(files, zipfile.ZIP_BZIP2), some)
    keep("behind.npz", zipped(files) + b"\n", some)
    keep("before.npz", b"#!/bin/sh\nexit 0\n" + zipped(files), some)
    keep("bare-names.npz", zipped([(k, npy(v)) for k, v in some.items()]), some)
    keep("bfloat16.npz", zipped([("w.npy", header(
        "{'descr': '<V2', 'fortran_order': False, 'shape': (3,), }", 1, struct.pack("<HHH", 0x3f80, 0xc000, 0x7f80)))]))
    expected["bfloat16.npz"] = {"w": {"dtype": "bfloat16", "shape": [3], "values": [1.0, -2.0, "inf"]}}
    twins = {"\u00e9": some["a"], "e\u0301": some["b"]}
    keep("twins.npz", zipped([(f"{k}.npy", npy(v)) for k, v in twins.items()]))
    keep("comment.npz", zipped(files)[:-2] + b"\x05\x00hello", some)
    keep("versions.npz", zipped([(f"v{v}.npy", npy(some["a"], (v, 0))) for v in (1, 2, 3)]),
         {f"v{v}": some["a"] for v in (1, 2, 3)})
    spaced = "{ \"shape\" : (3L,) ,\n 'fortran_order':False,'descr':'<f4'}"
    keep("spelling.npz", zipped([("a.npy", header(spaced, 1, some["a"].tobytes()))]), {"a": some["a"]})
    mixed = files + [("words.npy", npy(np.array(["x", "yz"]))), ("readme.txt", b"hello"),
                     ("z.npy", npy(np.array([1j]))), ("rec.npy", npy(np.zeros(2, "i4,f4"))),
                     ("when.npy", npy(np.array(["2020-01-01"], "M8[D]"))), ("sub/", b"")]
    keep("mixed.npz", zipped(mixed), some)
    keep("plain.npy", npy(some["a"]), {"plain": some["a"]})
    keep("plain-fortran.npy", npy(fortran()["cube"]), {"plain-fortran": fortran()["cube"]})


def hostile_npz():
    a = np.arange(64, dtype="<f4")
    good = zipped([("a.npy", npy(a))])
    whole = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"
    for name, text, says in (
        ("terabytes", whole % "1099511627776,", "promises"),
        ("overflow", whole % "4611686018427387904, 4611686018427387904", "larger than any memory"),
        ("overflow-empty", whole % "0, 4611686018427387904, 4", "larger than any memory"),
        ("too-long", whole % "65,", "promises"),
        ("too-short", whole % "63,", "promises"),
        ("negative", whole % "-1,", "negative"),
        ("huge-int", whole % "99999999999999999999999,", "extent"),
        ("float-shape", whole % "6.5,", "header is wrong"),
        ("axes", whole % ("1," * 100), "axes"),
        ("twice", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (64,)}", "twice"),
        ("key", "{'descr': '<f4', 'order': False, 'shape': (64,)}", "no key"),
        ("missing", "{'descr': '<f4', 'shape': (64,)}", "missing"),
        ("trailing", (whole % "64,") + "import os", "follows"),
        ("code", "__import__('os').system('true')", "expected"),
        ("type", whole.replace("<f4", "<q9") % "64,", "not one"),
        ("empty-type", whole.replace("<f4", "") % "64,", "not one"),
        ("unclosed", "{'descr': '<f4", "does not end"),
        ("boolean", "{'descr': '<f4', 'fortran_order': 1, 'shape': (64,)}", "neither"),
    ):
        refuse(f"header-{name}.npz", zipped([("a.npy", header(text, 1, a.tobytes()))]), "malformed", says)
        refuse(f"header-{name}.npy", header(text, 1, a.tobytes()), "malformed", says)
    refuse("header-deflated.npz",
           zipped([("a.npy", header(whole % "1099511627776,", 1, a.tobytes()))], zipfile.ZIP_DEFLATED),
           "malformed", "promises")
    refuse("header-length.npz", zipped([("a.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f" + b" " * 64)]),
           "malformed", "claims")
    refuse("header-cut.npz", zipped([("a.npy", npy(a)[:40])]), "malformed", "cut off")
    refuse("header-magic.npz", zipped([("a.npy", b"hello world, hello")]), "malformed", "magic")
    refuse("header-version.npz", zipped([("a.npy", b"\x93NUMPY\x09\x00" + npy(a)[8:])]), "unsupported", "version")
    refuse("objects.npz", zipped([("a.npy", npy(a)), ("o.npy", npy(np.array([{}, None], object)))]),
           "unsupported", "Python objects")
    refuse("objects.npy", npy(np.array([{}, None], object)), "unsupported", "Python objects")
    refuse("text.npy", npy(np.array(["a"])), "unsupported", "text")
    import warnings
    warnings.simplefilter("ignore")
    refuse("duplicate.npz", zipped([("a.npy", npy(a)), ("a.npy", npy(a * 2))]), "malformed", "twice")
    refuse("duplicate-suffix.npz", zipped([("a.npy", npy(a)), ("A.npy", npy(a)), ("a.npy", npy(a))]),
           "malformed", "twice")
    refuse("no-arrays.npz", zipped([("readme.txt", b"hello")]), "malformed", "none of the zip archive's entries is a NumPy array")
    refuse("no-entries.npz", zipped([]), "malformed", "the zip archive is empty")
    refuse("pytorch.pth", zipped([("archive/data.pkl", b"\x80\x02}."), ("archive/data/0", b"1234")]),
           "malformed", "holds no tensors")
    refuse("pickle.pkl", b"\x80\x04\x95" + bytes(8) + b"}.", "malformed", "holds no tensors")

    def patched(data, *changes):
        data = bytearray(data)
        for offset, value in changes:
            data[offset:offset + len(value)] = value
        return bytes(data)

    central = good.index(b"PK\x01\x02")
    end = good.index(b"PK\x05\x06")
    refuse("encrypted.npz", patched(good, (6, b"\x01\x00"), (central + 8, b"\x01\x00")),
           "unsupported", "encrypted")
    refuse("method.npz", patched(good, (8, b"\x63\x00"), (central + 10, b"\x63\x00")),
           "unsupported", "method 99")
    refuse("crc.npz", patched(good, (central - 9, b"\xff")), "malformed", "CRC-32")
    deflated = zipped([("a.npy", npy(np.arange(64, dtype="<f4")))], zipfile.ZIP_DEFLATED)
    refuse("crc-deflated.npz", patched(deflated, (deflated.index(b"PK\x01\x02") + 16, b"\0\0\0\0")),
           "malformed", "CRC-32")
    refuse("cut.npz", good[:-30], "malformed", "cut off")
    refuse("cut-deflated.npz", deflated[:-1], "malformed", "cut off")
    refuse("sizes.npz", patched(good, (central + 24, b"\x00\x10\x00\x00")), "malformed", "sizes differ")
    refuse("beyond.npz", patched(good, (central + 20, b"\xf0\xff\xff\x7f"), (central + 24, b"\xf0\xff\xff\x7f")),
           "malformed", "beyond where the archive's entries end")
    refuse("bomb.npz", patched(deflated, (deflated.index(b"PK\x01\x02") + 24, b"\xf0\xff\xff\x7f")),
           "malformed", "can hold")
    refuse("local-offset.npz", patched(good, (central + 42, b"\x05\x00\x00\x00")), "malformed", "not where")
    refuse("local-name.npz", patched(good, (30, b"b")), "malformed", "contradicts")
    keep("name-cp437.npz", patched(good, (30, b"\x84"), (central + 46, b"\x84")), {"ä": a})
    refuse("count.npz", patched(good, (end + 8, b"\xff\xff\xff\xff")), "malformed", "promises 65535 entries")
    refuse("directory.npz", patched(good, (end + 16, b"\xff\xff\xff\x7f")), "malformed", "not where")
    refuse("disk.npz", patched(good, (end + 4, b"\x01\x00")), "unsupported", "several parts")
    two = zipped([("a.npy", npy(a)), ("b.npy", npy(a))])
    second = two.index(b"PK\x01\x02", two.index(b"PK\x01\x02") + 4)
    first_entry = two[two.index(b"PK\x01\x02"):second]
    overlap = two[:two.index(b"PK\x01\x02")] + first_entry + first_entry + two[two.index(b"PK\x05\x06"):]
    refuse("overlap.npz", overlap, "malformed", "twice")
    refuse("empty.npz", b"", "malformed", "empty")
    refuse("noise.bin", bytes(range(200, 256)) * 3, "malformed", "no format")
    refuse("text.txt", b"hello, this is a text file\n", "malformed", "no format")


def hostile_bomb():
    """A kilobyte that bzip2 makes 300 MB of."""
    header = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": (75_000_000,)}
    np.lib.format.write_array_header_1_0(header, described)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        info = zipfile.ZipInfo("w.npy", (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_BZIP2
        with archive.open(info, "w") as entry:
            entry.write(header.getvalue())
            for _ in range(75):
                entry.write(bytes(4_000_000))
    # Not among the hostile ones: it is listed, and read in blocks.
    (ROOT / "bomb-bzip2.npz").write_bytes(buffer.getvalue())

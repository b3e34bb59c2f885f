"""HDF5 as h5py writes it: classic, modern, and layouts of old libraries."""

import struct

import h5py
import numpy as np

from .contents import ROOT, big_endian, describe, expected, tensors


class Hdf5:
    """An HDF5 file in memory, through h5py."""

    def __init__(self, name, **options):
        self.path = ROOT / name
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.options = options

    def __enter__(self):
        self.file = h5py.File(self.path, "w", **self.options)
        return self.file

    def __exit__(self, *_):
        self.file.close()


def write_hdf5():
    every = tensors()
    with Hdf5("flat.h5") as f:
        for name, a in every.items():
            f[name] = a
        f.attrs["framework"] = "torch"
        f.attrs["epoch"] = 7
        f.attrs["loss"] = 0.25
        f.attrs["fixed"] = np.bytes_("fixed length")
    expected["flat.h5"] = describe(every)
    with Hdf5("nested.h5", track_order=True) as f:
        for name, a in every.items():
            f.create_dataset(name.replace(".", "/"), data=a)
    expected["nested.h5"] = describe(every)
    with Hdf5("big.h5") as f:
        for name, a in big_endian().items():
            f[name] = a
    expected["big.h5"] = describe(big_endian())
    with Hdf5("latest.h5", libver=("v110", "v110")) as f:
        for name, a in every.items():
            f.create_dataset(name.replace(".", "/"), data=a)
    expected["latest.h5"] = describe(every)
    with Hdf5("userblock.h5", userblock_size=512) as f:
        f["a"] = np.arange(5, dtype="<f4")
        f.create_dataset("z", data=np.arange(50, dtype="<f4"), chunks=(8,), compression="gzip")
    expected["userblock.h5"] = describe({"a": np.arange(5, dtype="<f4"), "z": np.arange(50, dtype="<f4")})

    grid = {
        "matrix": (np.arange(7 * 11).reshape(7, 11) / 3).astype("<f4"),
        "cube": np.arange(5 * 3 * 4).reshape(5, 3, 4).astype("<i8"),
        "vector": np.arange(13).astype("<f8"),
        "bytes": np.arange(9).astype("u1"),
        "big": np.arange(10).astype(">f4"),
        "half": np.arange(9).astype("<f2"),
    }
    options = {
        "chunked": {},
        "gzip": {"compression": "gzip"},
        "gzip-shuffle": {"compression": "gzip", "shuffle": True},
        "fletcher32": {"fletcher32": True},
        "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
        "shuffle": {"shuffle": True},
        "lzf": {"compression": "lzf"},
        "szip": {"compression": "szip"},
        "scaleoffset": {"scaleoffset": 0},
    }
    for name, extra in options.items():
        arrays = dict(grid)
        if name == "scaleoffset":
            arrays = {"cube": grid["cube"]}
        if name == "szip":
            arrays = {"matrix": grid["matrix"]}
            if not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
                continue
        with Hdf5(f"{name}.h5") as f:
            for key, a in arrays.items():
                chunk = tuple(max(1, min(4, n)) for n in a.shape)
                f.create_dataset(key, data=a, chunks=chunk, **extra)
        expected[f"{name}.h5"] = describe(arrays)

    with Hdf5("layouts.h5") as f:
        space = h5py.h5s.create_simple((4,))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, space, plist).write(
            h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype="<f4"))
        f.create_dataset("absent", shape=(3,), dtype="<f4", fillvalue=2.5)
        f.create_dataset("sparse", shape=(10,), dtype="<f4", chunks=(4,), fillvalue=-1)[0:4] = 3
        f.create_dataset("sparse-gzip", shape=(10,), dtype="<f4", chunks=(4,), compression="gzip")[5:6] = 3
        f.create_dataset("growing", data=np.arange(6, dtype="<f4"), maxshape=(None,))
        f.create_dataset("null", data=h5py.Empty("<f4"))
        kind = h5py.h5t.IEEE_F32LE.copy()  # bfloat16: a float32 of which the upper half is kept
        kind.set_fields(15, 7, 8, 0, 7)
        kind.set_size(2)
        kind.set_ebias(127)
        raw = np.array([0x3f80, 0xc000, 0x7f80], "<u2")
        bf = h5py.h5d.create(f.id, b"bf16", kind, h5py.h5s.create_simple((3,)))
        bf.write(h5py.h5s.ALL, h5py.h5s.ALL, raw, kind)
        f.create_dataset("enum", data=np.array([0, 5], "<i4"),
                         dtype=h5py.enum_dtype({"a": 0, "b": 5}, basetype="<i4"))
        f["group/hard"] = np.arange(2, dtype="<f4")
        f["tied"] = f["group/hard"]
        f["soft"] = h5py.SoftLink("/group/hard")
        f["dangling"] = h5py.SoftLink("/nowhere")
        f["outside"] = h5py.ExternalLink("/etc/passwd", "/a")
        f["group/cycle"] = f["group"]
        f["group/up"] = h5py.SoftLink("/")
        f["words"] = ["a", "bc"]
        f["records"] = np.zeros(2, "i4,f4")
        f["ragged"] = np.array([np.arange(2), np.arange(3)], dtype=h5py.vlen_dtype("<i4"))
        f["ref"] = np.array([f["tied"].ref], dtype=h5py.ref_dtype)
        f["metadata"] = '{"model": "stn"}'
        virtual = h5py.VirtualLayout(shape=(2,), dtype="<f4")
        virtual[:] = h5py.VirtualSource("elsewhere.h5", "a", shape=(2,))
        f.create_virtual_dataset("virtual", virtual)
        f.create_dataset("external", shape=(2,), dtype="<f4", external=[("/etc/passwd", 0, 8)])
    two = np.arange(2, dtype="<f4")
    sparse = np.full(10, -1, "<f4")
    sparse[:4] = 3
    zipped_sparse = np.zeros(10, "<f4")
    zipped_sparse[5] = 3
    expected["layouts.h5"] = describe({
        "absent": np.full(3, 2.5, "<f4"), "compact": np.arange(4, dtype="<f4"),
        "enum": np.array([0, 5], "<i4"), "group.hard": two, "growing": np.arange(6, dtype="<f4"),
        "null": np.zeros(0, "<f4"), "soft": two, "sparse": sparse, "sparse-gzip": zipped_sparse,
        "tied": two,
    }) | {"bf16": {"dtype": "bfloat16", "shape": [3], "values": [1.0, -2.0, "inf"]}}

    with Hdf5("reference.h5") as f:
        f["inputs/0"] = np.arange(4, dtype="<f4").reshape(1, 4)
        f["activations/layer1.0.relu"] = np.ones((1, 2), "<f4")
        f["activations/layer1.0.relu#1"] = np.zeros((1, 2), "<f4")
        f.attrs["metadata"] = '{"model": "vit"}'
    expected["reference.h5"] = describe({
        "inputs.0": np.arange(4, dtype="<f4").reshape(1, 4),
        "activations.layer1.0.relu": np.ones((1, 2), "<f4"),
        "activations.layer1.0.relu#1": np.zeros((1, 2), "<f4")})
    with Hdf5("metadata-bytes.h5") as f:
        f["a"] = two
        f["metadata"] = np.frombuffer('{"model": "vit"}'.encode(), np.uint8)
    expected["metadata-bytes.h5"] = describe({"a": two})


def write_modern_hdf5():
    """The structures of HDF5 1.10 and later: every index of chunks, many links, many attributes."""
    modern = {"libver": ("v110", "v110")}
    ramp = np.arange(600, dtype="<f4")
    square = np.arange(40 * 30, dtype="<f4").reshape(40, 30)
    cube = np.arange(9 * 10 * 11, dtype="<i4").reshape(9, 10, 11)
    shapes = {  # name -> data, chunks, maxshape
        "single": (square, (40, 30), None),
        "implicit": (square, (7, 8), None),
        "fixed": (square, (7, 8), None),
        "fixed-grown": (square, (7, 8), (90, 70)),
        "fixed-pages": (np.arange(2100, dtype="<i2"), (1,), None),
        "extensible": (ramp, (4,), (None,)),
        "extensible-second": (square, (7, 8), (60, None)),
        "extensible-middle": (cube, (4, 3, 5), (20, None, 30)),
        "extensible-blocks": (np.arange(2000, dtype="<i2"), (1,), (None,)),
        "tree": (square, (7, 8), (None, None)),
        "tree-deep": (np.arange(60 * 60, dtype="<i2").reshape(60, 60), (1, 2), (None, None)),
    }
    for name, extra in (("", {}), ("-gzip", {"compression": "gzip", "shuffle": True, "fletcher32": True})):
        contents = {}
        with Hdf5(f"modern-chunks{name}.h5", **modern) as f:
            for key, (data, chunks, maxshape) in shapes.items():
                if key.endswith(("pages", "blocks", "deep")) and extra:
                    continue
                options = dict(extra)
                if key == "implicit":
                    if extra:
                        continue
                    space = h5py.h5s.create_simple(data.shape)
                    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                    plist.set_chunk(chunks)
                    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                    d = h5py.h5d.create(f.id, b"implicit", h5py.h5t.IEEE_F32LE, space, plist)
                    d.write(h5py.h5s.ALL, h5py.h5s.ALL, data)
                elif key == "extensible-blocks" or key == "fixed-pages":
                    d = f.create_dataset(key, shape=data.shape, dtype=data.dtype, chunks=chunks,
                                         maxshape=maxshape, fillvalue=7)
                    # Most pages are never written.
                    kept = np.full_like(data, 7)
                    for i in (0, 3, 50, len(data) - 1):
                        d[i] = data[i]
                        kept[i] = data[i]
                    data = kept
                else:
                    f.create_dataset(key, data=data, chunks=chunks, maxshape=maxshape, **options)
                contents[key] = data
            some = f.create_dataset("sparse", shape=(100,), dtype="<f4", chunks=(4,), fillvalue=-1, **extra)
            some[50:53] = 3
            contents["sparse"] = some[()]
            contents["none"] = f.create_dataset("none", shape=(5,), dtype="<f8", chunks=(2,), fillvalue=2.5)[()]
            grown = f.create_dataset("shrunk", data=ramp, chunks=(16,), maxshape=(None,), **extra)
            grown.resize((100,))
            contents["shrunk"] = ramp[:100]
        expected[f"modern-chunks{name}.h5"] = describe(contents)

    for name, options in (("names", {}), ("order", {"track_order": True})):
        contents = {}
        with Hdf5(f"modern-{name}.h5", **modern, **options) as f:
            for i in range(300):  # enough for rows of indirect blocks and for a tree of two levels
                key = f"block/layer{i * 7919 % 1000}.with-a-name-of-some-length-{'x' * (i % 40)}.weight"
                f[key] = np.full(1, i, "<i2")
                contents[key.replace("/", ".")] = np.full(1, i, "<i2")
            f["soft"] = h5py.SoftLink("/block")
            contents |= {k.replace("block.", "soft.", 1): v for k, v in contents.items()}
        expected[f"modern-{name}.h5"] = describe(contents)

    with Hdf5("modern-attributes.h5", **modern) as f:
        f["a"] = np.arange(2, dtype="<f4")
        for i in range(100):
            f.attrs[f"note{i}"] = f"value {i}"
        f.attrs["framework"] = "torch"
        f.attrs["epoch"] = 7
        f.attrs["loss"] = 0.25
        f.attrs["fixed"] = np.bytes_("fixed length")
        f.attrs["long"] = np.bytes_("é".encode() * 50000)
    expected["modern-attributes.h5"] = describe({"a": np.arange(2, dtype="<f4")})

    every = tensors()
    with Hdf5("newest.h5", libver="latest", userblock_size=1024) as f:
        for name, a in every.items():
            f.create_dataset(name.replace(".", "/"), data=a)
        f.create_dataset("zipped", data=square, chunks=(7, 8), compression="gzip", maxshape=(None, None))
        f.create_dataset("fixed", data=square, chunks=(7, 8), compression="lzf")
        f.create_dataset("growing", data=square, chunks=(7, 8), compression="gzip", maxshape=(None, 30))
        f.attrs["framework"] = "torch"
    expected["newest.h5"] = describe(every | {"zipped": square, "fixed": square, "growing": square})

    def small_float(size, sign, exponent, mantissa, bias):
        kind = h5py.h5t.IEEE_F32LE.copy()
        kind.set_fields(sign, mantissa, exponent, 0, mantissa)
        kind.set_size(size)
        kind.set_ebias(bias)
        return kind

    with Hdf5("floats.h5") as f:
        for name, kind, raw in (
            ("e4m3", small_float(1, 7, 4, 3, 7), np.array([0x38, 0xc0, 0x7e], "u1")),
            ("e5m2", small_float(1, 7, 5, 2, 15), np.array([0x3c, 0xc0, 0x7c], "u1")),
            ("bf16", small_float(2, 15, 8, 7, 127), np.array([0x3f80, 0xc000, 0x7f80], "<u2")),
            ("odd", small_float(2, 15, 6, 9, 31), np.array([0x3f80, 0xc000, 0x7f80], "<u2")),
        ):
            d = h5py.h5d.create(f.id, name.encode(), kind, h5py.h5s.create_simple((3,)))
            d.write(h5py.h5s.ALL, h5py.h5s.ALL, raw, kind)
        f["opaque"] = np.array([0x3f80, 0xc000, 0x7f80], "<u2").view("V2")
        f["opaque3"] = np.zeros(2, "V3")
        f["big"] = np.array([1, 2], ">f2")
    expected["floats.h5"] = {
        "e4m3": {"dtype": "float8_e4m3fn", "shape": [3], "values": [1.0, -2.0, 448.0]},
        "e5m2": {"dtype": "float8_e5m2", "shape": [3], "values": [1.0, -2.0, "inf"]},
        "bf16": {"dtype": "bfloat16", "shape": [3], "values": [1.0, -2.0, "inf"]},
        "opaque": {"dtype": "bfloat16", "shape": [3], "values": [1.0, -2.0, "inf"]},
        "big": {"dtype": "float16", "shape": [2], "values": [1.0, 2.0]},
    }

    sizes = {"offsets4": (4, 4), "offsets2": (2, 8)}
    for name, (offset, length) in sizes.items():
        plist = h5py.h5p.create(h5py.h5p.FILE_CREATE)
        plist.set_sizes(offset, length)
        path = str(ROOT / f"{name}.h5").encode()
        with h5py.File(h5py.h5f.create(path, h5py.h5f.ACC_TRUNC, plist)) as f:
            f["group/a"] = square[:3]
            f.create_dataset("z", data=square[:8], chunks=(4, 7), compression="gzip")
            f.attrs["framework"] = "torch"
        expected[f"{name}.h5"] = describe({"group.a": square[:3], "z": square[:8]})
    write_old_hdf5()


def write_old_hdf5():
    """Layout messages of versions 1 and 2, as libraries before 1.6.3 wrote them: those of version 3,
    rewritten in place."""
    data = np.arange(48, dtype="<f4").reshape(6, 8)
    with Hdf5("old-layouts.h5") as f:
        for name, chunks in (("contiguous", None), ("chunked", (4, 3))):
            # A fill value message is before the layout; a long one after it makes room for the longer old form.
            f.create_dataset(name, data=data, chunks=chunks)
    path = ROOT / "old-layouts.h5"
    raw = bytearray(path.read_bytes())
    changed = 0
    at = 0
    # A message: kind 8, size, flags, three reserved bytes, then version 3 and the class.
    while (at := raw.find(b"\x08\x00", at)) >= 0:
        size, = struct.unpack_from("<H", raw, at + 2)
        body = at + 8
        if size in (24, 32) and raw[body] == 3 and raw[body + 1] in (1, 2):
            if raw[body + 1] == 1:
                address = raw[body + 2:body + 10]
                new = bytes([1, 2, 1]) + bytes(5) + address + struct.pack("<2I", 6, 8)
            else:
                address = raw[body + 3:body + 11]
                new = bytes([2, 3, 2]) + bytes(5) + address + struct.pack("<3I", 4, 3, 4)
            if len(new) > size:  # what follows is a NIL message, which gives the bytes
                after = body + size
                kind, room = struct.unpack_from("<HH", raw, after)
                assert kind == 0 and room >= len(new) - size, (kind, room)
                grown = (len(new) - size + 7) // 8 * 8
                struct.pack_into("<H", raw, at + 2, size + grown)
                raw[after:after + 8 + grown] = bytes(grown) + struct.pack("<HHI", 0, room - grown, 0)
            raw[body:body + len(new)] = new
            changed += 1
        at += 1
    assert changed == 2, changed
    path.write_bytes(raw)
    with h5py.File(path) as f:
        assert all((f[name][()] == data).all() for name in f)
    expected["old-layouts.h5"] = describe({"contiguous": data, "chunked": data})

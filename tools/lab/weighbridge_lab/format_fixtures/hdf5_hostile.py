"""HDF5 files that must be refused."""

import struct

import numpy as np

from .contents import ROOT, hostile, refuse
from .hdf5 import Hdf5


def hostile_hdf5():
    def make(name, code, says, build, **options):
        with Hdf5("hostile/" + name, **options) as f:
            build(f)
        hostile["hostile/" + name] = {"code": code, "says": says}

    def collision(f):
        f["a.b"] = np.arange(2, dtype="<f4")
        f["a/b"] = np.arange(2, dtype="<f4")

    make("collision.h5", "malformed", "read as one name", collision)
    make("terabytes-chunked.h5", "malformed", "promises",
         lambda f: f.create_dataset("a", shape=(1 << 40,), dtype="<f4", chunks=(1024,), compression="gzip"))
    make("terabytes-absent.h5", "malformed", "promises",
         lambda f: f.create_dataset("a", shape=(1 << 40,), dtype="<f4"))

    with Hdf5("hostile/filter.h5") as f:
        f.create_dataset("a", data=np.arange(64, dtype="<f4"), chunks=(64,), compression="lzf")
    data = bytearray((ROOT / "hostile/filter.h5").read_bytes())
    struct.pack_into("<H", data, data.index(b"lzf\0") - 8, 333)  # another filter of the same name
    refuse("filter.h5", bytes(data), "unsupported", "filter 333 (lzf)")

    def deep(f):
        group = f
        for _ in range(100):
            group = group.create_group("g")
        group["a"] = np.arange(2, dtype="<f4")

    make("deep.h5", "unsupported", "64 groups deep", deep)

    def patch(source, name, code, says, change):
        data = bytearray((ROOT / source).read_bytes())
        change(data)
        refuse(name, bytes(data), code, says)

    with Hdf5("hostile/tmp.h5") as f:
        f.create_dataset("a", data=np.arange(4096, dtype="<f4"))
    data = (ROOT / "hostile/tmp.h5").read_bytes()
    refuse("cut.h5", data[:-2000], "malformed", "HDF5")
    refuse("signature.h5", data[:8] + bytes(len(data) - 8), "malformed", "HDF5")
    # The dataspace message holds the extent twice (current and maximal).
    at = data.index(struct.pack("<QQ", 4096, 4096))
    grown = bytearray(data)
    grown[at:at + 16] = struct.pack("<QQ", 1 << 40, 1 << 40)
    refuse("terabytes-contiguous.h5", bytes(grown), "malformed", "more than the file holds")
    (ROOT / "hostile/tmp.h5").unlink()
    with Hdf5("hostile/tmp.h5") as f:
        f.create_dataset("a", data=np.zeros(64, "<f4"), chunks=(64,), fletcher32=True)
    data = bytearray((ROOT / "hostile/tmp.h5").read_bytes())
    data[-100] ^= 0x40
    refuse("fletcher32.h5", bytes(data), "malformed", "Fletcher")
    with Hdf5("hostile/tmp.h5") as f:
        f.create_dataset("a", data=np.arange(64, dtype="<f4"), chunks=(64,), compression="gzip")
    data = bytearray((ROOT / "hostile/tmp.h5").read_bytes())
    data[-20] ^= 0x40
    refuse("gzip.h5", bytes(data), "malformed", "compressed data")
    (ROOT / "hostile/tmp.h5").unlink()

"""Writes fixtures/formats: small checkpoints of every format and dialect, what they hold, and hostile ones.

The files are committed; run this again only to add to them.
    expected.json   file -> name -> {dtype, shape, values}
    hostile.json    file -> {code, says}: the error that opening or reading it must give
"""

import argparse
import sys

from . import hdf5, hdf5_hostile, npz, safetensors
from .contents import ROOT, expected, hostile, write_lists

# Folders that tools/make-pytorch-fixtures and tools/make-framework-fixtures write.
OTHERS = {"pytorch", "keras", "onnx", "gguf"}


def clear():
    """Removes what this tool has written before."""
    for path in sorted(ROOT.rglob("*"), reverse=True):
        if path.relative_to(ROOT).parts[0] not in OTHERS:
            path.unlink() if path.is_file() else path.rmdir()


def main():
    argparse.ArgumentParser(
        prog="tools/make-format-fixtures", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    clear()
    npz.write_npz()
    npz.hostile_npz()
    npz.hostile_bomb()
    hdf5.write_hdf5()
    hdf5.write_modern_hdf5()
    hdf5_hostile.hostile_hdf5()
    safetensors.write_safetensors()
    safetensors.write_tied()
    safetensors.hostile_safetensors()
    write_lists()
    size = sum(p.stat().st_size for p in ROOT.rglob("*") if p.is_file())
    print(f"{len(expected)} checkpoints, {len(hostile)} hostile, {size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()

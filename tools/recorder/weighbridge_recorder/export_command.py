"""The command that rewrites checkpoints. Run as `weighbridge-export`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from .errors import ToolError
from .exporting import export
from .storage import HDF5Options, read_checkpoint

DTYPES = {"f16": torch.float16, "f32": torch.float32, "f64": torch.float64}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="weighbridge-export",
        description="Rewrites a checkpoint (.pth, .pt, .ckpt, .npz, .h5, .safetensors) in another "
        "format.",
    )
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path, help=".npz, .h5, .hdf5 or .safetensors")
    parser.add_argument("--dtype", choices=DTYPES, help="convert floating-point tensors")
    parser.add_argument(
        "--key", metavar="NAME", help="the member with the state dict, where there are several"
    )
    parser.add_argument("--deflate", action="store_true", help="compress the entries of an npz")
    parser.add_argument("--nested", action="store_true", help="HDF5: groups instead of dots")
    parser.add_argument("--chunks", action="store_true", help="HDF5: chunked datasets")
    parser.add_argument("--gzip", type=int, choices=range(10), help="HDF5: gzip at this level")
    parser.add_argument("--shuffle", action="store_true", help="HDF5: the shuffle filter")
    parser.add_argument("--fletcher32", action="store_true", help="HDF5: checksums")
    options = parser.parse_args(arguments)
    layout = HDF5Options(
        nested=options.nested,
        chunks=options.chunks,
        gzip=options.gzip,
        shuffle=options.shuffle,
        fletcher32=options.fletcher32,
    )
    try:
        found = read_checkpoint(options.input, options.key)
        for note in found.notes:
            print(f"weighbridge-export: {options.input}: {note}", file=sys.stderr)
        export(
            found.state,
            options.output,
            deflate=options.deflate,
            hdf5=layout,
            dtype=DTYPES.get(options.dtype),
        )
    except (ToolError, OSError) as error:
        print(f"weighbridge-export: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

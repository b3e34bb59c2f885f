"""Makes fixtures/networks: small networks, their weights, and references that hold the network too.

Run as `tools/make-network-fixtures`.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import torch
from weighbridge_recorder import ToolError, export, record

from . import functions
from .fixtures import FOLDER, write_manifest
from .small_networks import NETWORKS, OTHER_SHAPES, made

SEED = 31


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="tools/make-network-fixtures", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    folder = options.folder / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name in (*NETWORKS, "limited"):
            network, images = made(name, SEED)
            export(network, folder / f"{name}.npz")
            path = folder / f"{name}_reference.npz"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                recording = record(network, [images], path, seed=SEED, network=True)
            print(f"{path.name}: {recording.summary()}, {path.stat().st_size} bytes")
            for shape in OTHER_SHAPES.get(name, ()):
                other = folder / f"{name}_other.npz"
                record(network, [torch.randn(shape)], other, seed=SEED)
        network, images = functions.made(SEED)
        export(network, folder / "functions.npz")
        path = folder / "functions_reference.npz"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            recording = record(network, [images], path, seed=SEED, network=True)
        print(f"{path.name}: {recording.summary()}, {path.stat().st_size} bytes")
        write_manifest(options.folder)
    except (ToolError, OSError) as error:
        print(f"make-network-fixtures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

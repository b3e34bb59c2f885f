"""One process of another engine: infer_once.py ENGINE MODEL.onnx INPUTS.npz THREADS [--idle].

It imports nothing but the engine and NumPy, so that its memory is the engine's. With --idle the network
is neither read nor run: what is left is what Python and the imports take.
"""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np

from engines import ENGINES


def main() -> None:
    engine, model, inputs, threads = sys.argv[1:5]
    with np.load(inputs) as file:
        count = sum(name.startswith("inputs/") for name in file.files)
        arrays = [file[f"inputs/{index}"] for index in range(count)]
    import_module(engine)
    if "--idle" not in sys.argv:
        ENGINES[engine](Path(model), arrays, int(threads))(1)


main()

"""Other engines as sides of a benchmark: the same network, exported to ONNX."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Whoever measures an engine's memory imports this file without PyTorch.
    import numpy as np
    import torch

Side = Callable[[int], list[float]]

BUSY = "while True: pass"


def repeated(job: Callable[[], object]) -> Side:
    """A side that runs a job as often as it is told, and gives the seconds of each time."""

    def run(count: int) -> list[float]:
        seconds = []
        for _ in range(count):
            start = time.perf_counter()
            job()
            seconds.append(time.perf_counter() - start)
        return seconds

    return run


def export(model: torch.nn.Module, inputs: Sequence[torch.Tensor], path: Path) -> None:
    """Writes the network as ONNX."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, tuple(inputs), str(path), dynamo=False)


def onnxruntime_side(path: Path, arrays: Sequence[np.ndarray], threads: int) -> Side:
    """onnxruntime on the processor, with its defaults but for the number of threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    feed = dict(zip(names, arrays, strict=True))
    return repeated(lambda: session.run(None, feed))


def openvino_side(path: Path, arrays: Sequence[np.ndarray], threads: int) -> Side:
    """OpenVINO on the processor, in float32 as the others."""
    import openvino

    compiled = openvino.Core().compile_model(
        str(path),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = compiled.create_infer_request()
    return repeated(lambda: request.infer(arrays, share_inputs=True))


# By the names of their modules.
ENGINES = {"onnxruntime": onnxruntime_side, "openvino": openvino_side}
TITLES = {"openvino": "OpenVINO"}


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Has processes compete for the processors, each with one loop that never waits."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()

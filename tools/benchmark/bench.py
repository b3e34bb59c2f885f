"""Benchmarks with the peer in the same run. See tools/bench for how to call it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import safetensors
import torch

TOOLS = Path(__file__).resolve().parents[1]
ROOT = TOOLS.parent
sys.path[:0] = [str(TOOLS / "recorder"), str(TOOLS / "lab")]

from engines import ENGINES, TITLES, busy_loops, export as export_onnx, repeated  # noqa: E402
from convolution_limit import convolution_limit, operations  # noqa: E402
from files import Sizes, bench_converting, bench_files  # noqa: E402
from memory import bench_memory  # noqa: E402
from peer import SwiftPeer, median, take_turns  # noqa: E402
from tables import Table, milliseconds, ratio  # noqa: E402
from weights import bench_weights  # noqa: E402
from weighbridge_lab import ROWS  # noqa: E402
from weighbridge_lab.initialise import random_model  # noqa: E402
from weighbridge_lab.registry import InputOptions  # noqa: E402
from weighbridge_recorder import export, record  # noqa: E402

BENCH = ROOT / ".build/release/weighbridge-bench"
COMMAND = ROOT / ".build/release/weighbridge"
THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))


def bench_forward(
    rows: list[str], batches: list[int], rounds: int, peers: list[str], busy: list[int]
) -> Table:
    """Forward passes of the same weights and inputs, PyTorch eager and other engines beside
    Weighbridge, alone and against busy loops."""
    sides = ["torch", *peers, "swift"]
    names = {"torch": "PyTorch", "swift": "Weighbridge", **TITLES}
    table = Table(
        f"Forward pass, {THREADS} threads",
        ["architecture", "batch", *(["busy loops"] if busy != [0] else []),
         *(f"{names.get(side, side)} ms" for side in sides),
         *(f"{names.get(side, side)} / Weighbridge" for side in sides[:-1]),
         "GFLOP/s", "of the limit"],
        "The last columns are of Weighbridge: the operations that the definition asks for per second, "
        "and their share of what PyTorch's fastest plain convolution of 3×3 reaches on the same machine "
        "just before. Forms that need fewer products can be beyond it.",
    )
    for name in rows:
        row = ROWS[name]
        config = row.config(SIZES.get(name, {}))
        for batch in batches:
            with tempfile.TemporaryDirectory() as folder:
                limit = convolution_limit()
                work = operations(row, config, batch)
                for loops, times in forward_times(
                    row, config, batch, Path(folder), rounds, peers, busy
                ):
                    speed = work / median(times["swift"])
                    table.add(
                        name,
                        str(batch),
                        *([str(loops)] if busy != [0] else []),
                        *(milliseconds(median(times[side])) for side in sides),
                        *(ratio(times[side], times["swift"]) for side in sides[:-1]),
                        f"{speed / 1e9:.0f}" if work else "",
                        f"{100 * speed / limit:.0f} %" if work else "",
                    )
    return table


# The size of rows that have no default for a required key.
SIZES: dict[str, dict[str, int]] = {
    "se_layer": {"channel": 256},
    "se_bottleneck": {"inplanes": 256, "planes": 64},
    "sk_conv": {"in_channels": 128, "out_channels": 128},
    "sk_block": {"inplanes": 256, "planes": 128},
    "encoding": {"in_channels": 128},
    "lvc_block": {"c1": 128, "c2": 128},
    "evc_block": {"in_channels": 256, "out_channels": 256},
}


def forward_times(
    row, config, batch: int, folder: Path, rounds: int, peers: list[str], busy: list[int]
) -> Iterator[tuple[int, dict[str, list[float]]]]:
    """For each number of busy loops the median seconds of a forward pass per round and side."""
    model = random_model(row.id, config, seed=1)
    inputs = row.inputs(config, batch, torch.Generator().manual_seed(1), InputOptions())
    weights, reference = folder / "weights.npz", folder / "inputs.npz"
    state = model.state_dict()
    if state:
        export(state, weights)
    record(model, inputs, reference, model_id=row.id, config=row.metadata_config(config),
           noise=False, select=[])
    swift = SwiftPeer(BENCH, "forward", row.id, str(weights) if state else "-", str(reference))

    def torch_pass() -> None:
        with torch.inference_mode():
            model(*inputs)

    sides = {"torch": repeated(torch_pass)}
    if peers:
        export_onnx(model, inputs, folder / "model.onnx")
        arrays = [tensor.numpy() for tensor in inputs]
        for peer in peers:
            sides[peer] = ENGINES[peer](folder / "model.onnx", arrays, THREADS)
    sides["swift"] = swift.run
    try:
        for loops in busy:
            with busy_loops(loops):
                once = median(sides["torch"](3))
                # A pass of a second needs no repetition within its round.
                least = 1 if once > 0.25 else 3
                count = max(least, min(200, int(0.5 / max(once, 1e-6))))
                yield loops, take_turns(sides, rounds, count)
    finally:
        swift.close()


def bench_validate(rounds: int) -> Table:
    """The whole process of `weighbridge validate` against a Python script that does the same.

    Beside them `weighbridge run`: the process that reads the weights and runs one plain forward pass,
    which no validation can be faster than. The last column is the time that both runs and all
    comparisons took, without reading, over that of the first forward pass in the same process.
    """
    table = Table(
        "Validating as a whole process, checkpoint and reference in npz",
        ["architecture", "Python script ms", "weighbridge run ms", "weighbridge validate ms",
         "Python / run", "Python / validate", "both runs and comparing / plain forward"],
    )
    for name in ("vit", "se_resnet50"):
        row = ROWS[name]
        config = row.config({})
        with tempfile.TemporaryDirectory() as folder:
            weights, reference = Path(folder) / "weights.npz", Path(folder) / "reference.npz"
            model = random_model(name, config, seed=1)
            inputs = row.inputs(config, 1, torch.Generator().manual_seed(1), InputOptions())
            export(model.state_dict(), weights)
            record(model, inputs, reference, model_id=name, config=row.metadata_config(config))
            report = Path(folder) / "verdict.json"
            both = ["--model", name, "--weights", str(weights)]
            script = [sys.executable, str(TOOLS / "benchmark/validate_with_torch.py"), name,
                      str(weights), str(reference)]
            plain = [str(COMMAND), "run", *both, "--input", str(reference), "--output",
                     str(Path(folder) / "outputs.npz")]
            ours = [str(COMMAND), "validate", *both, "--reference", str(reference), "--json",
                    str(report)]
            shares: list[float] = []

            def validating(words: list[str] = ours, report: Path = report,
                           shares: list[float] = shares) -> None:
                quietly(words)
                seconds = json.loads(report.read_text())["seconds"]
                work = seconds["forward"] + seconds["isolated"] + seconds["compare"]
                shares.append(work / seconds["forward"])

            sides = {
                "peer": repeated(lambda words=script: quietly(words)),
                "run": repeated(lambda words=plain: quietly(words)),
                "swift": repeated(validating),
            }
            times = take_turns(sides, rounds, 1)
        table.add(
            name,
            *(milliseconds(median(times[side])) for side in ("peer", "run", "swift")),
            ratio(times["peer"], times["run"]),
            ratio(times["peer"], times["swift"]),
            f"{median(shares):.2f}×",
        )
    return table


def quietly(words: list[str]) -> None:
    """Runs a command that must succeed."""
    result = subprocess.run(words, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{result.stdout}{result.stderr}")


def provenance() -> str:
    """How the tables came about, to be printed above them."""
    words = ["tools/bench", *sys.argv[1:]]
    if "--markdown" in words:
        at = words.index("--markdown")
        del words[at : at + 2]
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    machine = models[0] if models else platform.processor()
    return (
        f"Written by `{' '.join(words)} --markdown FILE`: medians of rounds in which both sides "
        f"take turns, each after a warm-up.\n{machine}, {os.cpu_count()} cores; "
        f"PyTorch {torch.__version__}, NumPy {np.__version__}, h5py {h5py.__version__}, "
        f"safetensors {safetensors.__version__}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=["forward", "files", "converting", "validate", "weights", "memory"])
    parser.add_argument("--rows", default="se_resnet50,vit", help="architectures, or 'all'")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", default="", help="onnxruntime, openvino or both, with a comma")
    parser.add_argument("--busy", default="0", help="numbers of competing loops, such as 0,1,2,4")
    parser.add_argument(
        "--small", action="store_true", help="files of a hundredth of the size, to try the suite")
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    rows = list(ROWS) if arguments.rows == "all" else arguments.rows.split(",")
    batches = [int(text) for text in arguments.batches.split(",")]
    sizes = Sizes(1, 10_000, 1) if arguments.small else Sizes()
    parts = {
        "forward": lambda: [bench_forward(
            rows, batches, arguments.rounds, [peer for peer in arguments.peers.split(",") if peer],
            [int(text) for text in arguments.busy.split(",")])],
        "files": lambda: bench_files(arguments.rounds, sizes),
        "converting": lambda: [bench_converting(arguments.rounds, sizes)],
        "validate": lambda: [bench_validate(arguments.rounds)],
        "weights": lambda: [bench_weights(rows, batches, arguments.rounds)],
        "memory": lambda: [bench_memory(
            rows, batches, arguments.rounds, [peer for peer in arguments.peers.split(",") if peer],
            THREADS, SIZES)],
    }
    chosen = [arguments.part] if arguments.part else list(parts)
    tables = [table for name in chosen for table in parts[name]()]
    if arguments.markdown:
        text = "\n\n".join("\n".join(table.lines) for table in tables)
        arguments.markdown.parent.mkdir(parents=True, exist_ok=True)
        arguments.markdown.write_text(f"{provenance()}\n\n{text}\n")


if __name__ == "__main__":
    main()

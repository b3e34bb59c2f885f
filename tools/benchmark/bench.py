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
import torch

TOOLS = Path(__file__).resolve().parents[1]
ROOT = TOOLS.parent
sys.path[:0] = [str(TOOLS / "recorder"), str(TOOLS / "lab")]

from engines import ENGINES, busy_loops, export, repeated  # noqa: E402
from peer import SwiftPeer, median, take_turns  # noqa: E402
from weighbridge_lab import ROWS  # noqa: E402
from weighbridge_lab.initialise import random_model  # noqa: E402
from weighbridge_lab.registry import InputOptions  # noqa: E402
from weighbridge_recorder import export, record  # noqa: E402

BENCH = ROOT / ".build/release/weighbridge-bench"
COMMAND = ROOT / ".build/release/weighbridge"
THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))


class Table:
    """A table that is printed row by row and kept as Markdown."""

    def __init__(self, title: str, columns: list[str]) -> None:
        self.lines = [f"### {title}", "", "| " + " | ".join(columns) + " |"]
        self.lines.append("|" + " --- |" * len(columns))
        print("\n" + "\n".join(self.lines), flush=True)

    def add(self, *cells: str) -> None:
        """Adds and prints one row."""
        self.lines.append("| " + " | ".join(cells) + " |")
        print(self.lines[-1], flush=True)


def milliseconds(seconds: float) -> str:
    """A duration for a table."""
    return f"{seconds * 1e3:.3g}" if seconds < 0.1 else f"{seconds * 1e3:.0f}"


def ratio(peer: list[float], ours: list[float]) -> str:
    """How many times longer the peer took: the median over rounds of the ratio in each."""
    return f"{median([p / o for p, o in zip(peer, ours, strict=True)]):.2f}×"


def bench_forward(
    rows: list[str], batches: list[int], rounds: int, peers: list[str], busy: list[int]
) -> Table:
    """Forward passes of the same weights and inputs, PyTorch eager and other engines beside
    Weighbridge, alone and against busy loops."""
    sides = ["torch", *peers, "swift"]
    names = {"torch": "PyTorch", "swift": "Weighbridge", "openvino": "OpenVINO"}
    table = Table(
        f"Forward pass, {THREADS} threads",
        ["architecture", "batch", *(["busy loops"] if busy != [0] else []),
         *(f"{names.get(side, side)} ms" for side in sides),
         *(f"{names.get(side, side)} / Weighbridge" for side in sides[:-1])],
    )
    for name in rows:
        row = ROWS[name]
        config = row.config(SIZES.get(name, {}))
        for batch in batches:
            with tempfile.TemporaryDirectory() as folder:
                for loops, times in forward_times(
                    row, config, batch, Path(folder), rounds, peers, busy
                ):
                    table.add(
                        name,
                        str(batch),
                        *([str(loops)] if busy != [0] else []),
                        *(milliseconds(median(times[side])) for side in sides),
                        *(ratio(times[side], times["swift"]) for side in sides[:-1]),
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
        export(model, inputs, folder / "model.onnx")
        for peer in peers:
            sides[peer] = ENGINES[peer](folder / "model.onnx", inputs, THREADS)
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


def vit_base_arrays() -> dict[str, np.ndarray]:
    """Arrays of a ViT-B/16's names and shapes, 343 MB of float32."""
    generator = np.random.default_rng(1)
    shapes = {"cls_token": (1, 1, 768), "pos_embed": (1, 197, 768)}
    shapes |= {"patch_embed.proj.weight": (768, 3, 16, 16), "patch_embed.proj.bias": (768,)}
    for i in range(12):
        block = {
            "norm1.weight": (768,), "norm1.bias": (768,), "attn.qkv.weight": (2304, 768),
            "attn.qkv.bias": (2304,), "attn.proj.weight": (768, 768), "attn.proj.bias": (768,),
            "norm2.weight": (768,), "norm2.bias": (768,), "mlp.fc1.weight": (3072, 768),
            "mlp.fc1.bias": (3072,), "mlp.fc2.weight": (768, 3072), "mlp.fc2.bias": (768,),
        }
        shapes |= {f"blocks.{i}.{name}": shape for name, shape in block.items()}
    shapes |= {"norm.weight": (768,), "norm.bias": (768,)}
    shapes |= {"head.weight": (1000, 768), "head.bias": (1000,)}
    return {
        name: generator.standard_normal(shape, dtype=np.float32) * 0.02
        for name, shape in shapes.items()
    }


def touch(array: np.ndarray) -> int:
    """Reads every byte of an array."""
    flat = array.reshape(-1).view(np.uint32)
    return int(np.bitwise_xor.reduce(flat)) if flat.size else 0


def read_npz(path: Path) -> None:
    """What a Python user does: numpy.load, every array read and touched."""
    with np.load(path) as file:
        for name in file.files:
            touch(file[name])


def read_hdf5(path: Path) -> None:
    """The same with h5py."""
    with h5py.File(path) as file:
        for name in file:
            touch(file[name][()])


def bench_read(rounds: int) -> Table:
    """Opening a ViT-B's checkpoint and touching every byte."""
    table = Table(
        "Opening a 343 MB checkpoint and touching every byte",
        ["file", "peer", "peer ms", "Weighbridge ms", "peer / Weighbridge"],
    )
    arrays = vit_base_arrays()
    with tempfile.TemporaryDirectory() as folder:
        stored, deflated, contiguous = (
            Path(folder) / name for name in ("stored.npz", "deflated.npz", "contiguous.h5")
        )
        np.savez(stored, **arrays)
        np.savez_compressed(deflated, **arrays)
        with h5py.File(contiguous, "w") as file:
            for name, array in arrays.items():
                file[name] = array
        cases = [
            ("stored npz", "numpy.load", stored, read_npz, 3),
            ("contiguous HDF5", "h5py", contiguous, read_hdf5, 3),
            ("deflated npz", "numpy.load", deflated, read_npz, 1),
        ]
        for title, peer, path, job, count in cases:
            swift = SwiftPeer(BENCH, "read", str(path))
            sides = {"peer": repeated(lambda job=job, path=path: job(path)), "swift": swift.run}
            times = take_turns(sides, rounds, count)
            swift.close()
            table.add(
                title,
                peer,
                milliseconds(median(times["peer"])),
                milliseconds(median(times["swift"])),
                ratio(times["peer"], times["swift"]),
            )
    return table


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
        f"PyTorch {torch.__version__}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=["forward", "read", "validate"])
    parser.add_argument("--rows", default="se_resnet50,vit", help="architectures, or 'all'")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", default="", help="onnxruntime, openvino or both, with a comma")
    parser.add_argument("--busy", default="0", help="numbers of competing loops, such as 0,1,2,4")
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    rows = list(ROWS) if arguments.rows == "all" else arguments.rows.split(",")
    batches = [int(text) for text in arguments.batches.split(",")]
    parts = {
        "forward": lambda: bench_forward(
            rows, batches, arguments.rounds, [peer for peer in arguments.peers.split(",") if peer],
            [int(text) for text in arguments.busy.split(",")]),
        "read": lambda: bench_read(arguments.rounds),
        "validate": lambda: bench_validate(arguments.rounds),
    }
    chosen = [arguments.part] if arguments.part else list(parts)
    tables = [parts[name]() for name in chosen]
    if arguments.markdown:
        text = "\n\n".join("\n".join(table.lines) for table in tables)
        arguments.markdown.parent.mkdir(parents=True, exist_ok=True)
        arguments.markdown.write_text(f"{provenance()}\n\n{text}\n")


if __name__ == "__main__":
    main()

"""What a forward pass takes of memory: whole processes of ours and of other engines."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import torch

from engines import TITLES, export as export_onnx
from files import measured
from peer import median
from tables import Table
from weighbridge_lab import ROWS
from weighbridge_lab.initialise import random_model
from weighbridge_lab.registry import InputOptions
from weighbridge_recorder import export, record

HERE = Path(__file__).resolve().parent
COMMAND = HERE.parents[1] / ".build/release/weighbridge"


def bench_memory(
    rows: list[str], batches: list[int], rounds: int, peers: list[str], threads: int,
    sizes: dict[str, dict[str, int]],
) -> Table:
    """The peak of one process that reads a network and runs one forward pass, beside other engines."""
    table = Table(
        "Memory of one forward pass",
        ["architecture", "batch", "weights MB", "Weighbridge MB",
         *(f"{TITLES.get(peer, peer)} MB" for peer in peers),
         *(f"{TITLES.get(peer, peer)} / Weighbridge" for peer in peers)],
        "The peak of a process's own memory, without pages of files that it has mapped. Ours is all of "
        "`weighbridge run`; from another engine's process is taken what Python takes that has imported "
        "the engine and read the inputs. Medians of rounds.",
    )
    for name in rows:
        row = ROWS[name]
        config = row.config(sizes.get(name, {}))
        model = random_model(row.id, config, seed=1)
        for batch in batches:
            with tempfile.TemporaryDirectory(prefix="weighbridge-bench-") as temporary:
                add(table, row, config, model, batch, Path(temporary), rounds, peers, threads)
    return table


def add(table: Table, row, config, model, batch: int, folder: Path, rounds: int,
        peers: list[str], threads: int) -> None:
    """Measures one network and adds its row."""
    inputs = row.inputs(config, batch, torch.Generator().manual_seed(1), InputOptions())
    weights, reference, onnx = (
        folder / "weights.npz", folder / "inputs.npz", folder / "model.onnx")
    state = model.state_dict()
    if state:
        export(state, weights)
    record(model, inputs, reference, model_id=row.id, config=row.metadata_config(config),
           noise=False, select=[])
    export_onnx(model, inputs, onnx)
    ours = [COMMAND, "run", "--model", row.id, *(["--weights", weights] if state else []),
            "--input", reference, "--output", folder / "outputs.npz", "--threads", threads]
    for key, value in row.metadata_config(config).items():
        ours += ["--config", f"{key}={value}"]
    seen: dict[str, list[float]] = {"ours": [], **{peer: [] for peer in peers}}
    for _ in range(rounds):
        seen["ours"].append(peak(ours))
        for peer in peers:
            command = [sys.executable, HERE / "infer_once.py", peer, onnx, reference, threads]
            seen[peer].append(peak(command) - peak([*command, "--idle"]))
    size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    own = median(seen["ours"])
    table.add(
        row.id, str(batch), f"{size / 1e6:.0f}", f"{own:.0f}",
        *(f"{median(seen[peer]):.0f}" for peer in peers),
        *(f"{median(seen[peer]) / own:.2f}×" for peer in peers))


def peak(command: list) -> float:
    """Megabytes (10⁶ bytes) of a process's own memory at its peak."""
    return measured(*command)["own"] * 1.048576

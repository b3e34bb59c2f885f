"""What weights of 16 bits take and cost beside float32: memory and a forward pass of whole processes."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import torch

from files import measured
from peer import median
from tables import Table, milliseconds
from weighbridge_lab import ROWS
from weighbridge_lab.initialise import random_model
from weighbridge_lab.registry import InputOptions
from weighbridge_recorder import export, record

HERE = Path(__file__).resolve().parent
COMMAND = HERE.parents[1] / ".build/release/weighbridge"
RUNS = 20
DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}


def bench_weights(rows: list[str], batches: list[int], rounds: int) -> Table:
    """`weighbridge run` with one network's weights in three dtypes, in turns."""
    table = Table(
        "Weights of 16 bits, kept as they are",
        ["architecture", "batch", "weights", "file MB", "own memory MB", "resident MB",
         "first pass ms", "forward pass ms", "processor ms", "÷ float32"],
        "Whole processes of `weighbridge run --profile` on a native file. Own memory is the peak without "
        "pages of the file, which is used in place; resident is the peak with them. A forward pass is "
        f"the fastest of {RUNS} of a process. Processor time is that of a pass on one thread, from two "
        "processes with different numbers of passes, which other work on the machine changes least. Each "
        "figure is the median of rounds, the last column that of ratios of processor time in a round.",
    )
    for name in rows:
        row = ROWS[name]
        config = row.config({})
        with tempfile.TemporaryDirectory(prefix="weighbridge-bench-") as temporary:
            folder = Path(temporary)
            weights = folder / "weights.npz"
            model = random_model(name, config, seed=1)
            export(model.state_dict(), weights)
            files = {dtype: folder / f"{dtype}.safetensors" for dtype in DTYPES}
            for dtype, path in files.items():
                subprocess.run(
                    [COMMAND, "convert", weights, path, "--model", name, "--dtype", dtype],
                    check=True, capture_output=True)
            for batch in batches:
                inputs = row.inputs(
                    config, batch, torch.Generator().manual_seed(1), InputOptions())
                reference = folder / f"inputs-{batch}.npz"
                record(model, inputs, reference, model_id=name,
                       config=row.metadata_config(config), noise=False, select=[])
                add(table, name, batch, files, reference, rounds)
    return table


def add(
    table: Table, name: str, batch: int, files: dict[str, Path], reference: Path, rounds: int
) -> None:
    """Measures one network in every dtype and adds the rows."""
    seen: dict[str, list[dict]] = {dtype: [] for dtype in files}
    for _ in range(rounds):
        for dtype, path in files.items():
            seen[dtype].append(one_run(path, reference))
    for dtype, runs in seen.items():
        ratios = [a["processor"] / b["processor"] for a, b in zip(runs, seen["f32"], strict=True)]
        table.add(
            name, str(batch), DTYPES[dtype], f"{files[dtype].stat().st_size / 1e6:.0f}",
            *(f"{median([run[key] for run in runs]):.0f}" for key in ("own", "resident")),
            *(milliseconds(median([run[key] for run in runs]))
              for key in ("first", "seconds", "processor")),
            f"{median(ratios):.2f}",
        )


def one_run(weights: Path, reference: Path) -> dict:
    """Memory and times of a forward pass."""
    seen = one_process(weights, reference, RUNS)
    few, many = (one_process(weights, reference, runs, "--threads", "1") for runs in (1, 1 + RUNS))
    return seen | {"processor": (many["processor"] - few["processor"]) / RUNS}


def one_process(weights: Path, reference: Path, runs: int, *options: str) -> dict:
    """Memory and times of one process."""
    command = [COMMAND, "run", "--weights", weights, "--input", reference, "--profile", "--runs",
               str(runs), "--json", *options]
    with tempfile.NamedTemporaryFile(mode="r") as said:
        memory = measured("sh", "-c", 'out=$1; shift; exec "$@" > "$out"', "sh", said.name, *command)
        profile = json.loads(Path(said.name).read_text())["profile"]
    # Memory is told in units of 2²⁰ bytes.
    return {"own": memory["own"] * 1.048576, "resident": memory["resident"] * 1.048576,
            "processor": memory["processor"], "first": profile["first_seconds"],
            "seconds": profile["seconds"]}

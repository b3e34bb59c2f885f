"""The study of a layer's own rounding: how far right layers are from it, place by place.

Run as `tools/local-scales`. Every architecture runs in three sizes, with fresh random weights and
inputs from every seed, its inputs scaled by 1e-3, 1 and 1e3; `validate --own-rounding` measures every
layer: with the model in float64, by results moved by their last bit, and on a sampled reference.

The model is right in all of them. The constants of `Limits` are chosen from what this finds:
`localShare` and `roughLocalShare`, from which on an error is large beside its neighbours; `localRatio`, the limit of a
channel's, row's or head's error over its own rounding; `isolatedRatio`, the same of a whole layer;
`cancellation`, how far a recorded noise is believed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from weighbridge_recorder import ToolError, export, record

from . import figures
from .calibration import SCALES, Run, on_one_thread, plan, scaled_inputs
from .initialise import random_model
from .live import ROOT, SAMPLED_LIMIT, checkpoint
from .registry import ROWS, InputOptions, row

# What Limits.swift has.
LOCAL_SHARE, ROUGH_LOCAL_SHARE = 2.0**-12, 2.0**-8
LOCAL_RATIO, ISOLATED_RATIO = 32.0, 32.0

# How a layer's own rounding is measured: what is recorded of it, and further options of the command.
WAYS = {
    "float64": (False, []),
    "moved by the last bit": (False, ["--oracle", "never"]),
    "float64, sampled": (True, []),
}
QUANTILES = (0.5, 0.99, 0.999, 0.9999, 1.0)
COLUMNS = ("local share", "local ratio", "own ratio", "noise of bound")


@dataclass
class Measured:
    """One row of `COLUMNS` for each tensor of some runs, NaN where it was not measured.

    Attributes:
        failed: what was called wrong by its own rounding, though the model is right.
    """

    rows: list[tuple[float, ...]] = field(default_factory=list)
    runs: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, other: Measured) -> None:
        """Adds what was measured elsewhere."""
        self.rows += other.rows
        self.runs += other.runs
        self.failed += other.failed

    def column(self, name: str) -> np.ndarray:
        """What was measured of one kind."""
        values = np.array(self.rows, dtype=np.float64).reshape(-1, len(COLUMNS))
        found = values[:, COLUMNS.index(name)]
        return found[~np.isnan(found)]


Study = dict[tuple[str, str], Measured]


def measured(report: dict, label: str) -> Measured:
    """What a report says of every tensor."""
    found = Measured(runs=1)
    for entry in [*report["layers"], *report["outputs"]]:
        isolated = entry.get("isolated") or {}
        claim, bound = entry.get("noise_reference"), entry.get("noise_bound")
        values = (
            isolated.get("local_share"), entry.get("local_ratio"), entry.get("own_ratio"),
            float(claim) / float(bound) if claim is not None and float(bound or 0) > 0 else None,
        )
        found.rows.append(tuple(float("nan") if v is None else float(v) for v in values))
        reason = entry.get("reason") or ""
        if "its own rounding" in reason:
            found.failed.append(f"{label}: {entry['path']}: {reason}")
    return found


def studied(binary: Path, run: Run) -> Study:
    """One model at every scale, measured in every way."""
    case = run.case
    chosen = row(case.row)
    config = chosen.config(case.config)
    drawn = zlib.crc32(repr((case.row, tuple(config.items()))).encode()) ^ run.seed
    model = random_model(case.row, config, drawn, case.size)
    found: Study = {}
    folder = Path(tempfile.mkdtemp(prefix="weighbridge-local-"))
    try:
        command = [str(binary), "validate", "--model", case.row, "--own-rounding", "--json", "-"]
        state = checkpoint(model, case)
        if state:
            export(state, folder / "weights.npz")
            command += ["--weights", str(folder / "weights.npz")]
        generator = torch.Generator().manual_seed(drawn + 1)
        options = InputOptions(size=case.size, extra=case.extra)
        inputs = chosen.inputs(config, case.batch, generator, options)
        for scale in run.scales:
            scaled = scaled_inputs(case.row, inputs, scale)
            for is_sampled in (False, True):
                reference = folder / f"reference{is_sampled}.npz"
                record(
                    model, scaled, reference, model_id=case.row,
                    config=chosen.metadata_config(config),
                    sample=SAMPLED_LIMIT if is_sampled else None, sample_seed=run.seed,
                )
            for way, (is_sampled, further) in WAYS.items():
                reference = folder / f"reference{is_sampled}.npz"
                done = subprocess.run(
                    [*command, "--reference", str(reference), *further],
                    capture_output=True, text=True, check=False,
                )
                label = f"{case.row} {case.described()}, seed {run.seed}, inputs times {scale:g}, {way}"
                if done.returncode not in (0, 1):
                    raise ToolError(f"{label}: exit {done.returncode}: {done.stderr.strip()}")
                part = measured(json.loads(done.stdout), label)
                found.setdefault((case.row, way), Measured()).add(part)
    finally:
        shutil.rmtree(folder)
    return found


def studies(binary: Path, runs: Sequence[Run], jobs: int) -> Iterator[Study]:
    """What every run found, with `jobs` processes."""
    if jobs == 1:
        yield from map(partial(studied, binary), runs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=on_one_thread) as pool:
        yield from pool.map(partial(studied, binary), runs)


def _quantiles(values: np.ndarray) -> list[str]:
    if values.size == 0:
        return ["-"] * len(QUANTILES)
    return [f"{np.quantile(values, q, method='higher'):.3g}" for q in QUANTILES]


def _table(parts: dict[str, np.ndarray], limit: float) -> str:
    columns = ["", "values", "median", "99 %", "99.9 %", "99.99 %", "max", f"above {limit:.3g}"]
    lines = [
        [name, values.size, *_quantiles(values), int((values > limit).sum())]
        for name, values in parts.items()
    ]
    return figures.table(columns, lines)


def write(path: Path, study: Study, command: str, seeds: Sequence[int]) -> None:
    """The study as a Markdown file."""
    by_way = {way: Measured() for way in WAYS}
    by_row: dict[str, Measured] = {}
    for (id, way), values in study.items():
        by_way[way].add(values)
        by_row.setdefault(id, Measured()).add(values)
    runs = sum(values.runs for values in by_way.values())
    failed = [text for values in by_way.values() for text in values.failed]

    def ways(column: str) -> dict[str, np.ndarray]:
        return {way: values.column(column) for way, values in by_way.items()}

    def rows(column: str) -> dict[str, np.ndarray]:
        return {f"`{id}`": values.column(column) for id, values in by_row.items()}

    figures.write(
        path,
        "# A layer's own rounding",
        figures.provenance(command, f"seeds {seeds[0]} to {seeds[-1]}", f"{runs} validations"),
        "Right models only: every architecture in three small sizes, with random weights and inputs "
        "from every seed (a whole network takes one size per seed), inputs times "
        f"{', '.join(f'{s:g}' for s in SCALES)}. A value is one tensor that a module returned.",
        f"**Called wrong by their own rounding: {len(failed)} tensors.**",
        "\n".join(f"- {text}" for text in failed[:40]),
        "## Errors beside their neighbours",
        "The largest RMS error of a few dozen neighbouring elements over their own size and what is "
        f"usual in the tensor. From {LOCAL_SHARE:.2g} on (`localShare`), and where the rounding is not "
        f"known from float64 or is that of a whole run from {ROUGH_LOCAL_SHARE:.2g} on "
        "(`roughLocalShare`), places are held against their own rounding.",
        _table(ways("local share"), ROUGH_LOCAL_SHARE),
        "## Places over their own rounding",
        "The largest error of a channel, a row, a head or some elements in a row over its own rounding. "
        f"The limit is {LOCAL_RATIO:g} (`localRatio`).",
        _table(ways("local ratio"), LOCAL_RATIO),
        _table(rows("local ratio"), LOCAL_RATIO),
        "## Layers over their own rounding",
        f"The same of a whole tensor. The limit is {ISOLATED_RATIO:g} (`isolatedRatio`).",
        _table(ways("own ratio"), ISOLATED_RATIO),
        "## Recorded noise over what is believed of it",
        "The RMS of PyTorch's own noise over the largest that is believed for as many operations. Above "
        "1 it is held at that, and our own rounding is measured before anything is called wrong.",
        _table(rows("noise of bound"), 1),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/local-scales", description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/weighbridge")
    parser.add_argument("--rows", help="only these, separated by commas")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the study here")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    try:
        if not options.binary.is_file():
            raise ToolError(f"{options.binary} does not exist: build it, or give --binary")
        if options.seeds < 1 or options.jobs < 1:
            raise ToolError("--seeds and --jobs must be at least 1")
        rows = list(ROWS) if options.rows is None else options.rows.split(",")
        for id in rows:
            row(id)
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        runs = [Run(run.case, run.seed, SCALES) for run in plan(rows, seeds)]
        study: Study = {}
        for run, part in zip(runs, studies(options.binary.resolve(), runs, options.jobs), strict=True):
            for key, values in part.items():
                study.setdefault(key, Measured()).add(values)
            largest = max((v.column("local ratio").max(initial=0) for v in part.values()), default=0)
            print(f"{run.case.row} seed {run.seed}: largest local ratio {largest:.2f}", flush=True)
        if options.markdown is not None:
            parts = ["tools/local-scales"] + [f"--rows {options.rows}"] * (options.rows is not None)
            parts += [f"--seeds {options.seeds} --first-seed {options.first_seed}"]
            write(
                options.markdown, study, " ".join([*parts, f"--markdown {options.markdown}"]), seeds
            )
    except (ToolError, OSError) as error:
        print(f"local-scales: {error}", file=sys.stderr)
        return 1
    failed = [text for values in study.values() for text in values.failed]
    for text in failed:
        print(f"called wrong: {text}")
    total = sum(values.runs for values in study.values())
    print(f"{total} validations, {len(failed)} called wrong, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

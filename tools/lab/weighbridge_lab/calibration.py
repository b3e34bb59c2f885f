"""The calibration study: how large noise ratios of right models are, and what limits follow.

Run as `tools/calibrate`. Every architecture runs in three sizes, with fresh random weights and
inputs from every seed, its inputs scaled by 1e-3, 1 and 1e3 (and by 1e-2 and 1e2 at the first
size). The model is right in all of them, so that every failure is a false alarm.

A value is one tensor that a module returned. With e the RMS of its error, n the noise that PyTorch
recorded and u = 2^-24, its ratio is e / (n + c u rms(reference)), and the same of the largest
elements. Here n is PyTorch's alone. The command adds Weighbridge's own noise before it calls a
model wrong; what it then judged by is kept, too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from weighbridge_recorder import ToolError, export, record

from . import figures
from .calibration_values import (
    FLOORS,
    K_LARGEST,
    QUANTILES,
    SIZE_CLASSES,
    UNIT,
    C,
    K,
    Values,
    measured,
    ratios,
)
from .cases import CASES, Case
from .initialise import random_model
from .live import ROOT, Made, checkpoint, validate
from .registry import ROWS, InputOptions, row

SCALES = (1e-3, 1.0, 1e3)
# Also run, at the first of a row's sizes.
SCALES_BETWEEN = (1e-2, 1e2)
# Whole networks: a seed takes one of the sizes in turn, a block of theirs is among the other rows.
NETWORKS = ("se_resnet", "sknet", "se_inception3")
NETWORK_SIZES = ((1, (33, 47)), (2, (48, 40)), (1, (65, 65)))

# Inputs that are no signal: a location must stay in [-1, 1], epsilon is drawn from N(0, 1).
UNSCALED = {"retina": {1}, "glimpse_network": {1}, "recurrent_attention": {1, 3}}


def is_network(id: str) -> bool:
    return id.startswith(NETWORKS)


def sizes(id: str) -> list[Case]:
    """The three sizes of a row: the odd small ones of live parity."""
    if id == "se_inception3":
        # Its input is 299 x 299 whatever happens; what varies is the batch and the head.
        small = {"num_classes": 7, "aux_logits": False}
        return [Case(id, 1, small), Case(id, 2, small), Case(id, 1, {**small, "num_classes": 1000})]
    if is_network(id):
        key = "nums_class" if id.startswith("sknet") else "num_classes"
        return [Case(id, batch, {key: 10}, size=size) for batch, size in NETWORK_SIZES]
    return [case for case in CASES if case.row == id and not case.heavy][-3:]


@dataclass(frozen=True)
class Run:
    case: Case
    seed: int
    scales: tuple[float, ...]


def plan(rows: Sequence[str], seeds: Sequence[int]) -> Iterator[Run]:
    """Every model that is made, with the scales that it is run at."""
    for id in rows:
        for seed in seeds:
            for index, case in enumerate(sizes(id)):
                if is_network(id):
                    if index == seed % 3:
                        yield Run(case, seed, SCALES)
                else:
                    yield Run(case, seed, SCALES + SCALES_BETWEEN * (index == 0))


class Study:
    """Runs everything, and keeps what was measured by row and by scale."""

    def __init__(self, binary: Path) -> None:
        self.binary = binary
        self.by_row: dict[str, Values] = {}
        self.by_scale: dict[float, Values] = {}

    def run(self, run: Run) -> None:
        case = run.case
        chosen = row(case.row)
        config = chosen.config(case.config)
        drawn = zlib.crc32(repr((case.row, tuple(config.items()))).encode()) ^ run.seed
        model = random_model(case.row, config, drawn, case.size)
        folder = Path(tempfile.mkdtemp(prefix="weighbridge-calibrate-"))
        try:
            weights = None
            state = checkpoint(model, case)
            if state:
                weights = folder / "weights.npz"
                export(state, weights)
            generator = torch.Generator().manual_seed(drawn + 1)
            options = InputOptions(size=case.size, extra=case.extra)
            inputs = chosen.inputs(config, case.batch, generator, options)
            for scale in run.scales:
                scaled = scaled_inputs(case.row, inputs, scale)
                self.validate(run, model, scaled, scale, weights, folder)
        finally:
            shutil.rmtree(folder)

    def validate(
        self, run: Run, model: nn.Module, inputs: list[Tensor], scale: float,
        weights: Path | None, folder: Path,
    ) -> None:
        case = run.case
        chosen = row(case.row)
        config = chosen.metadata_config(chosen.config(case.config))
        reference = folder / "reference.npz"
        recording = record(model, inputs, reference, model_id=case.row, config=config)
        made = Made(case, model, recording, config, weights, reference)
        # That inputs do not show a parameter is no alarm.
        status, report, stderr = validate(self.binary, made, explicit=False, partial=True)
        if status not in (0, 1) or "layers" not in report:
            raise ToolError(f"{case.row} {case.described()}: exit {status}: {stderr.strip()}")
        found = measured(report, recording)
        label = f"{case.row} {case.described()}, seed {run.seed}, inputs times {scale:g}"
        for values in (
            self.by_row.setdefault(case.row, Values()),
            self.by_scale.setdefault(scale, Values()),
        ):
            values.runs += 1
            values.columns += found
            values.rescued += status == 0 and report["seconds"].get("oracle", 0) > 0
            if status != 0:
                values.alarms.append(f"{label}: {report.get('headline')}")

    def add(self, other: Study) -> None:
        """Adds what another study measured."""
        for mine, theirs in ((self.by_row, other.by_row), (self.by_scale, other.by_scale)):
            for key, values in theirs.items():
                mine.setdefault(key, Values()).add(values)

    def whole(self) -> Values:
        """All rows together."""
        total = Values()
        for values in self.by_row.values():
            total.add(values)
        return total


def studied(binary: Path, run: Run) -> tuple[Study, float]:
    """The study of one run, and its seconds."""
    started = time.monotonic()
    study = Study(binary)
    study.run(run)
    return study, time.monotonic() - started


def on_one_thread() -> None:
    """Prepares a process that is one of several."""
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


def studies(
    binary: Path, runs: Sequence[Run], jobs: int
) -> Iterator[tuple[Run, tuple[Study, float]]]:
    """The study of every run, in their order, with `jobs` processes."""
    if jobs == 1:
        for run in runs:
            yield run, studied(binary, run)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=on_one_thread) as pool:
        yield from zip(runs, pool.map(partial(studied, binary), runs), strict=True)


def scaled_inputs(id: str, inputs: Sequence[Tensor], scale: float) -> list[Tensor]:
    kept = UNSCALED.get(id, set())
    return [
        x if index in kept or not x.is_floating_point() else x * scale
        for index, x in enumerate(inputs)
    ]


def quantiles(values: np.ndarray) -> list[str]:
    if values.size == 0:
        return ["-"] * len(QUANTILES)
    return [f"{np.quantile(values, q, method='higher'):.3f}" for q in QUANTILES]


PARTS = ("median", "99 %", "99.9 %", "max")


def row_table(values: dict) -> str:
    """For each row or scale: runs, values, and how both ratios are distributed at the chosen c."""
    lines = []
    for name, found in values.items():
        array = found.array()
        label = f"`{name}`" if isinstance(name, str) else f"{name:g}"
        lines.append(
            [label, found.runs, len(array)]
            + quantiles(ratios(array, C))
            + quantiles(ratios(array, C, largest=True))
            + [found.rescued, len(found.alarms)]
        )
    columns = ["", "runs", "values"] + [f"RMS {p}" for p in PARTS]
    columns += [f"largest {p}" for p in PARTS] + ["own noise asked", "false alarms"]
    return figures.table(columns, lines)


def size_table(array: np.ndarray) -> str:
    """How both ratios are distributed over tensors of so many elements, and what was judged by."""
    lines = []
    for low, high in SIZE_CLASSES:
        some = array[(array[:, 6] >= low) & (array[:, 6] < high)]
        label = f"{low} to {high - 1}" if high < 1 << 62 else f"{low} and more"
        lines.append(
            [label, len(some)]
            + quantiles(ratios(some, C))
            + quantiles(ratios(some, C, largest=True))
            + [quantiles(some[:, 7])[-1], quantiles(some[:, 8])[-1]]
        )
    columns = ["elements", "values"] + [f"RMS {p}" for p in PARTS]
    columns += [f"largest {p}" for p in PARTS] + ["RMS judged, max", "largest judged, max"]
    return figures.table(columns, lines)


def floor_table(array: np.ndarray) -> str:
    """What each floor c would make of the same measurements."""
    lines = []
    for floor in FLOORS:
        rms, largest = ratios(array, floor), ratios(array, floor, largest=True)
        lines.append(
            [f"**{floor:g}**" if floor == C else f"{floor:g}"]
            + quantiles(rms) + [int((rms > K).sum())]
            + quantiles(largest) + [int((largest > K_LARGEST).sum())]
            + [f"{K * floor * UNIT:.1e}"]
        )
    columns = ["c"] + [f"RMS {p}" for p in PARTS] + [f"above {K:g}"]
    columns += [f"largest {p}" for p in PARTS] + [f"above {K_LARGEST:g}"]
    return figures.table([*columns, "k · c · 2⁻²⁴"], lines)


def conclusion(whole: Values) -> str:
    """What the limits are, and how far from them right models stay."""
    array = whole.array()
    alarms = f"**False alarms: {len(whole.alarms)} of {whole.runs} runs.**"
    if len(array) == 0:
        return f"Nothing was measured.\n\n{alarms}"
    rms, largest = ratios(array, C), ratios(array, C, largest=True)
    above = int(((rms > K) | (largest > K_LARGEST)).sum())
    judged = array[:, 7].max(), array[:, 8].max()
    margins = K / max(judged[0], 1e-300), K_LARGEST / max(judged[1], 1e-300)
    return (
        f"With c = {C:g}, 99 of 100 values have a ratio of at most {quantiles(rms)[1]}, and of at "
        f"most {quantiles(largest)[1]} for the largest element. A smaller c asks what PyTorch "
        "happens to compute exactly to be exact here too; a larger one hides relative errors up to "
        "k · c · 2⁻²⁴ where no noise is recorded at all.\n\n"
        "Where one number decides many, a gate for its channel or a single logit, PyTorch's own "
        f"error may by luck be far below what float32 makes there: {above} of {len(array)} values "
        "are above a limit. So before a model is called wrong it is run in float64, and "
        "Weighbridge's own noise added to PyTorch's. That was asked for in "
        f"{whole.rescued} of {whole.runs} runs; the ratios that were judged by in the end are at most {judged[0]:.3f} and, of largest elements, "
        f"{judged[1]:.3f}. The limits k = {K:g} and {K_LARGEST:g} are {margins[0]:.2f} and "
        f"{margins[1]:.2f} times those.\n\n{alarms}"
    )


def write(path: Path, study: Study, command: str, seeds: Sequence[int]) -> None:
    whole = study.whole()
    drawn = f"seeds {seeds[0]} to {seeds[-1]}"
    blocks = [
        "# Calibration of the limits",
        figures.provenance(command, drawn, f"{whole.runs} runs"),
        "Right models only: every architecture in three small sizes, with random weights and "
        f"inputs from every seed (a whole network takes one size per seed), inputs times {SCALES[0]:g}, "
        f"{SCALES[1]:g} and {SCALES[2]:g} (at the first size also {SCALES_BETWEEN[0]:g} and "
        f"{SCALES_BETWEEN[1]:g}). A value is one tensor that a module returned; its ratio is "
        "error / (noise recorded by PyTorch + c · 2⁻²⁴ · reference), of RMS values and of largest elements.",
        "## The floor c",
        floor_table(whole.array()),
        conclusion(whole),
        f"## By size of the tensor, c = {C:g}",
        size_table(whole.array()),
        f"## By architecture, c = {C:g}",
        row_table(study.by_row),
        f"## By input scale, c = {C:g}",
        row_table(dict(sorted(study.by_scale.items()))),
    ]
    if whole.alarms:
        blocks += ["## False alarms", "\n".join(f"- {alarm}" for alarm in whole.alarms)]
    figures.write(path, *blocks)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/calibrate", description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/weighbridge")
    parser.add_argument("--rows", help="only these, separated by commas")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the study here")
    return parser


def _chosen_rows(text: str | None) -> list[str]:
    wanted = list(ROWS) if text is None else text.split(",")
    for id in wanted:
        row(id)
    return wanted


def _progress(done: int, total: int, started: float, what: str) -> None:
    if sys.stderr.isatty():
        rest = (time.monotonic() - started) / max(1, done) * (total - done)
        text = f"{done}/{total} {what}, {rest / 60:.0f} min left"
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    started = time.monotonic()
    try:
        if not options.binary.is_file():
            raise ToolError(f"{options.binary} does not exist: build it, or give --binary")
        if options.seeds < 1 or options.jobs < 1:
            raise ToolError("--seeds and --jobs must be at least 1")
        rows = _chosen_rows(options.rows)
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        study = Study(options.binary.resolve())
        runs = list(plan(rows, seeds))
        spent: dict[str, float] = {}
        done = studies(options.binary.resolve(), runs, options.jobs)
        for index, (run, (part, seconds)) in enumerate(done):
            _progress(index + 1, len(runs), started, run.case.row)
            study.add(part)
            spent[run.case.row] = spent.get(run.case.row, 0) + seconds
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        whole = study.whole()
        print(f"{'row':30} {'runs':>5} {'values':>7} {'median':>7} {'max':>7} {'seconds':>8}")
        for id, values in study.by_row.items():
            found = ratios(values.array(), C)
            middle, most = (np.median(found), found.max()) if len(found) else (0, 0)
            print(
                f"{id:30} {values.runs:5} {len(found):7} {middle:7.3f} {most:7.3f} {spent[id]:8.1f}"
            )
        print(conclusion(whole))
        if options.markdown is not None:
            parts = ["tools/calibrate"] + [f"--rows {options.rows}"] * (options.rows is not None)
            parts += [f"--seeds {options.seeds} --first-seed {options.first_seed}"]
            command = " ".join([*parts, f"--markdown {options.markdown}"])
            write(options.markdown, study, command, seeds)
    except (ToolError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    for alarm in whole.alarms:
        print(f"false alarm: {alarm}")
    print(f"{whole.runs} runs, {len(whole.alarms)} false alarms, {time.monotonic() - started:.0f} s")
    return 1 if whole.alarms else 0


if __name__ == "__main__":
    sys.exit(main())

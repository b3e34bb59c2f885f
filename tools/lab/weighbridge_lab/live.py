"""Live parity: fresh random checkpoints of every row, validated by the command itself.

Run as `tools/live`. Every run draws a new seed and prints it; `--seed` replays one.
`tools/live --defaults --repeat 10 --markdown tools/figures/noise.md` writes the table of noise
ratios at every row's default size, and fails when one is above `NOISE_RATIO_LIMIT`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from weighbridge_recorder import HDF5Options, Recording, ToolError, export, record

from .cases import CASES, Case
from .initialise import random_model
from .ratios import (
    NOISE_RATIO_LIMIT,
    Tally,
    above_limit,
    print_table,
    ratios,
    write_noise,
)
from .registry import ROWS, InputOptions, row

ROOT = Path(__file__).resolve().parents[3]

# The files of successive cases: how the checkpoint is written, and the reference's extension.
FORMATS = [
    ("stored npz", ".npz", {}, ".h5"),
    ("flat hdf5", ".h5", {}, ".npz"),
    ("deflated npz", ".npz", {"deflate": True}, ".npz"),
    (
        "nested hdf5",
        ".hdf5",
        {"hdf5": HDF5Options(nested=True, gzip=1, shuffle=True, fletcher32=True)},
        ".h5",
    ),
    ("safetensors", ".safetensors", {}, ".safetensors"),
]

# Every so many cases' large activations are sampled, down to so many elements.
SAMPLED_EVERY, SAMPLED_LIMIT = 3, 500


# Statuses of a layer that holds; an amplifier only hands on more noise than its siblings do.
HOLDS = ("ok", "amplifier")

def file_format(index: int, case: Case) -> tuple[str, str, dict, str]:
    """The entry of FORMATS for a case; whole networks are not compressed, for time's sake."""
    whole = case.row.startswith(("se_resnet", "sknet", "se_inception3"))
    return FORMATS[index % (2 if whole else len(FORMATS))]


@dataclass
class Made:
    """A case's files, and what was recorded to make them."""

    case: Case
    model: nn.Module
    recording: Recording
    config: dict
    weights: Path | None
    reference: Path


class Maker:
    """Makes the files of one case after another; equal neighbours share their weights.

    Attributes:
        samples: whether some references are sampled.
    """

    def __init__(self, seed: int, samples: bool = True) -> None:
        self.seed = seed
        self.samples = samples
        self.key: tuple | None = None
        self.model: nn.Module | None = None

    def make(self, index: int, case: Case, folder: Path) -> Made:
        chosen = row(case.row)
        config = chosen.config(case.config)
        key = (case.row, tuple(config.items()))
        if key != self.key or self.model is None:
            drawn = zlib.crc32(repr(key).encode()) ^ self.seed
            self.model = random_model(case.row, config, drawn, case.size)
            self.key = key
        model = self.model
        generator = torch.Generator().manual_seed(self.seed * 1000 + index)
        options = InputOptions(size=case.size, extra=case.extra)
        inputs = chosen.inputs(config, case.batch, generator, options)
        _, suffix, arguments, reference_suffix = file_format(index, case)
        reference = folder / f"reference{reference_suffix}"
        recorded = chosen.metadata_config(config)
        sampled = self.samples and index % SAMPLED_EVERY == SAMPLED_EVERY - 1
        recording = record(
            model, inputs, reference, model_id=case.row, config=recorded,
            sample=SAMPLED_LIMIT if sampled else None, sample_seed=self.seed,
        )
        weights = None
        state = checkpoint(model, case)
        if state:
            weights = folder / f"weights{suffix}"
            export(state, weights, **arguments)
        return Made(case, model, recording, recorded, weights, reference)


def checkpoint(model: nn.Module, case: Case) -> dict[str, Tensor]:
    """The state dict under the names that the case's checkpoint has."""
    return {
        case.prefix + name: tensor
        for name, tensor in model.state_dict().items()
        if case.counters or not name.endswith("num_batches_tracked")
    }


def dead_parameters(made: Made) -> set[str]:
    """Parameters and buffers that cannot change the output in eval mode, by module."""
    marks = {"se_inception3": (".SELayer.", ".AuxLogits."), "evc_block": ("l_MLP.linear.",)}
    wanted = marks.get(made.case.row, ())
    return {n for n in made.model.state_dict() if any(mark in n for mark in wanted)}


def validate(
    binary: Path, made: Made, explicit: bool, weights: Path | None = None, partial: bool = False
) -> tuple[int, dict, str]:
    """Runs the command: its exit status, its report, its standard error.

    `explicit` gives every configuration value; otherwise they come from the reference's metadata.
    `partial` accepts a reference that does not show everything.
    """
    command = [str(binary), "validate", "--model", made.case.row]
    if explicit:
        for key, value in made.config.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            command += ["--config", f"{key}={text}"]
    weights = weights or made.weights
    if weights is not None:
        command += ["--weights", str(weights)]
    command += ["--reference", str(made.reference), "--json", "-"]
    if partial:
        command.append("--allow-partial")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout) if done.stdout else {}
    except json.JSONDecodeError as error:
        report = {"unreadable": str(error)}
    return done.returncode, report, done.stderr


def faults(status: int, report: dict, stderr: str, made: Made) -> list[str]:
    """Everything in a report that isn't as it must be; empty when the case passes."""
    if not report or "unreadable" in report:
        first = stderr.strip().splitlines()[:1] or [report.get("unreadable", "no message")]
        return [f"exit {status}: {first[0]}"]
    found = []
    if status != 0 or report.get("exit_code") != 0:
        found.append(f"exit {status}, exit_code {report.get('exit_code')}")
    if report.get("verdict") != "pass":
        found.append(f"verdict {report.get('verdict')}, first {report.get('first_divergence')}")
    mapping = report.get("mapping", {})
    lists = {key: mapping.get(key) for key in ("missing", "unexpected", "mismatched")}
    lists |= {key: report.get(key) for key in ("uncovered", "unreferenced")}
    found += [f"{key}: {value}" for key, value in lists.items() if value != []]
    layers = report.get("layers", [])
    if len(layers) < len(made.recording.activations):
        found.append(f"{len(layers)} layers for {len(made.recording.activations)} activations")
    if len(report.get("outputs", [])) != len(made.recording.outputs):
        found.append(f"{len(report.get('outputs', []))} outputs")
    bad = [f"{entry['path']} {entry['status']}" for entry in layers if entry["status"] not in HOLDS]
    if bad:
        found.append(f"layers: {', '.join(bad[:5])}")
    reported = {str(name) for name in mapping.get("dead", [])}
    if reported != dead_parameters(made):
        difference = sorted(reported ^ dead_parameters(made))
        found.append(f"dead parameters differ: {difference[:4]}")
    return found


def damaged(made: Made, seed: int, folder: Path) -> tuple[Path, str]:
    """The checkpoint with one live parameter 1 % larger, which validation must notice."""
    state = checkpoint(made.model, made.case)
    dead = dead_parameters(made)
    live = [
        n for n, _ in made.model.named_parameters() if n not in dead and _has_effect(made, n)
    ]
    name = made.case.prefix + random.Random(seed).choice(live)
    state[name] = state[name] * 1.01
    path = folder / "damaged.npz"
    export(state, path)
    return path, name


def _has_effect(made: Made, parameter: str) -> bool:
    """Whether a parameter's module returned something else than zeros, as behind a dead ReLU."""
    activation = made.recording.activations.get(parameter.rpartition(".")[0])
    return activation is None or bool(activation.any())


def run_case(
    index: int, case: Case, maker: Maker, options: argparse.Namespace, folder: Path, tally: Tally
) -> None:
    """One case: make, validate, and where asked validate a damaged copy; prints its line."""
    folder.mkdir()
    started = time.monotonic()
    made = maker.make(index, case, folder)
    status, report, stderr = validate(options.binary, made, explicit=index % 2 == 0)
    problems = faults(status, report, stderr, made)
    values = ratios(report)
    seen = tally.ratios.setdefault(case.row, [])
    seen += [(value, f"{name}, seed {maker.seed}") for value, name in values]
    if not problems and options.controls and not case.heavy and made.weights is not None:
        path, name = damaged(made, maker.seed + index, folder)
        status, report, stderr = validate(options.binary, made, True, path)
        if status != 1 or report.get("verdict") != "fail":
            problems.append(f"{name} 1 % larger went unnoticed: exit {status}")
    seconds = time.monotonic() - started
    label = f"{case.row} {case.described()} ({file_format(index, case)[0]})"
    worst = f"worst noise ratio {max(values)[0]:.2f}" if values else "no noise ratio"
    if problems:
        tally.failed.append(label)
        print(f"FAIL {label}: {'; '.join(problems)}\n     files kept in {folder}", flush=True)
        (folder / "stderr.txt").write_text(stderr)
        return
    tally.passed += 1
    print(f"ok   {label}: {len(report['layers'])} layers, {worst}, {seconds:.1f} s", flush=True)
    shutil.rmtree(folder)


def chosen_cases(options: argparse.Namespace) -> list[tuple[int, Case]]:
    """The cases with their index in the whole list, on which seeds and formats depend."""
    wanted = None if options.rows is None else options.rows.split(",")
    for id in wanted or []:
        if id not in ROWS:
            raise ToolError(f"there is no model {id}; the models: {', '.join(ROWS)}")
    firsts = {case.row: index for index, case in reversed(list(enumerate(CASES)))}
    return [
        (index, case)
        for index, case in enumerate(CASES)
        if (wanted is None or case.row in wanted)
        and not (options.quick and case.heavy)
        and (firsts[case.row] == index or not options.defaults)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/live", description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/weighbridge")
    parser.add_argument("--rows", help="only these, separated by commas")
    parser.add_argument("--quick", action="store_true", help="leave out the heaviest networks")
    parser.add_argument("--seed", type=int, help="replay a run")
    parser.add_argument("--repeat", type=int, default=1, help="runs, each with its own seed")
    parser.add_argument(
        "--no-controls", dest="controls", action="store_false",
        help="leave out the damaged checkpoints that must fail",
    )
    parser.add_argument("--table", action="store_true", help="print noise ratios by row")
    parser.add_argument(
        "--defaults", action="store_true",
        help="only each row's default configuration at its default size; a noise ratio above "
        f"{NOISE_RATIO_LIMIT:g} is a failure",
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write the table of noise ratios here"
    )
    return parser


def _command_line(options: argparse.Namespace, first: int) -> str:
    """The command that makes the same table again."""
    parts = ["tools/live"] + ["--defaults"] * options.defaults + ["--quick"] * options.quick
    parts += [f"--rows {options.rows}"] * (options.rows is not None)
    parts += [f"--seed {first} --repeat {options.repeat}", f"--markdown {options.markdown}"]
    return " ".join(parts)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    tally = Tally()
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    seeds = range(first, first + options.repeat)
    try:
        if not seeds:
            raise ToolError("--repeat must be at least 1")
        if not options.binary.is_file():
            raise ToolError(f"{options.binary} does not exist: build it, or give --binary")
        options.binary = options.binary.resolve()
        cases = chosen_cases(options)
        top = Path(tempfile.mkdtemp(prefix="weighbridge-live-"))
        for seed in seeds:
            print(f"seed {seed} (replay with --seed {seed})", flush=True)
            maker = Maker(seed, samples=not options.defaults)
            for index, case in cases:
                run_case(index, case, maker, options, top / f"{seed}-{index}", tally)
        if not any(top.iterdir()):
            top.rmdir()
    except (ToolError, OSError) as error:
        print(f"live: {error}", file=sys.stderr)
        return 1
    if options.table:
        print_table(tally, len(seeds))
    above = above_limit(tally) if options.defaults else []
    if options.markdown is not None:
        command = _command_line(options, first)
        write_noise(options.markdown, tally, seeds, command, options.defaults, not above)
    for label in tally.failed:
        print(f"failed: {label}")
    for line in above:
        print(f"failed: {line}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed")
    return 1 if tally.failed or above else 0


if __name__ == "__main__":
    sys.exit(main())

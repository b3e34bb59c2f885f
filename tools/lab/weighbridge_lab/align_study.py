"""Whether names matter: checkpoints with scrambled names, recovered from a reference.

Run as `tools/align-study`. For every architecture a fresh checkpoint is scrambled (every tensor
renamed at random, the order shuffled, some matrices and kernels transposed, some joined), aligned by
`weighbridge map --align --reference`, converted by the rules that it writes and held bit for bit
against the original. `--markdown tools/figures/alignment.md` writes the table.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import torch
from weighbridge_recorder import ToolError, export, record

from .cases import Case
from .initialise import random_model
from .registry import ROWS, InputOptions, row
from .scramble import Scrambled, scrambled

ROOT = Path(__file__).resolve().parents[3]
WITHOUT_WEIGHTS = ("retina", "scaled_dot_product_attention")
HEAVY = ("se_resnet101", "se_resnet152", "sknet101", "sknet50", "se_inception3", "se_resnet50", "vit")
# Sizes that are no network's own, so that the large ones take seconds.
SIZES = {"se_inception3": (299, 299)}


@dataclass
class Result:
    """What came of one checkpoint."""

    model: str
    tensors: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    idle: int = 0
    undecided: list[str] = field(default_factory=list)
    verdict: str = ""
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return not self.wrong and not self.undecided and self.verdict == "pass"


def study(id: str, seed: int, options: argparse.Namespace, folder: Path) -> Result:
    """Scrambles a fresh checkpoint, aligns it, and holds what was found against the truth."""
    chosen = row(id)
    case = Case(id, batch=2, size=SIZES.get(id))
    config = chosen.config(case.config)
    drawn = seed ^ zlib.crc32(id.encode())
    model = random_model(id, config, drawn, case.size)
    generator = torch.Generator().manual_seed(drawn)
    inputs = chosen.inputs(config, case.batch, generator, InputOptions(size=case.size))
    reference = folder / "reference.npz"
    record(
        model, inputs, reference, model_id=id, config=chosen.metadata_config(config)
    )
    state = model.state_dict()
    made = scrambled(state, drawn, options.transposed, options.cut, options.joined)
    weights = folder / "weights.npz"
    export(made.tensors, weights)
    result = Result(id, len(made.tensors), dict(made.changed))
    report = _align(id, weights, reference, folder, options, result)
    if report is not None:
        _judge(report, state, made, _converted(id, weights, folder, options, result), result)
    return result


def _align(
    id: str, weights: Path, reference: Path, folder: Path, options: argparse.Namespace, result: Result
) -> dict | None:
    started = time.monotonic()
    done = _run(
        options.binary, "map", weights, "--model", id, "--align", "--reference", reference,
        "--rules-out", folder / "rules.yaml", "--json",
    )
    result.seconds = time.monotonic() - started
    if done.returncode not in (0, 2) or not done.stdout:
        result.undecided.append(f"exit {done.returncode}: {done.stderr.strip()[:200]}")
        return None
    report = json.loads(done.stdout)
    result.decided = report["counts"]
    result.idle = sum(1 for one in report["undecided"] if one["taken"] is not None)
    result.undecided = [
        f"{one['parameter']}: {one['reason']}"
        for one in report["undecided"]
        if one["taken"] is None
    ]
    if not result.undecided:
        checked = _run(
            options.binary, "validate", "--model", id, "--weights", weights, "--rules",
            folder / "rules.yaml", "--reference", reference, "--json", "-",
        )
        result.verdict = json.loads(checked.stdout)["verdict"] if checked.stdout else "error"
    return report


def _converted(
    id: str, weights: Path, folder: Path, options: argparse.Namespace, result: Result
) -> dict[str, numpy.ndarray]:
    """The checkpoint that the rules make, under the model's names; empty where they do not."""
    if result.undecided:
        return {}
    out = folder / "converted.npz"
    done = _run(
        options.binary, "convert", weights, out, "--model", id, "--rules", folder / "rules.yaml",
    )
    if done.returncode != 0:
        result.wrong.append(f"convert: {done.stderr.strip()[:200]}")
        return {}
    with numpy.load(out) as file:
        return {name: file[name] for name in file.files}


def _judge(
    report: dict, state: dict, made: Scrambled, converted: dict, result: Result
) -> None:
    """Every claim against the truth: the tensors named, and the values that the rules make."""
    for match in report["matched"]:
        name = match["parameter"]
        true = made.sources[name]
        same = match["sources"] == true or _equal(match["sources"], true, made)
        if converted:
            same = same and name in converted and numpy.array_equal(
                converted[name], state[name].numpy(), equal_nan=True
            )
        if not same:
            result.wrong.append(f"{name}: {match['sources']}, not {true} ({match['decided_by']})")


def _equal(found: list[str], true: list[str], made: Scrambled) -> bool:
    """Whether other tensors were named that hold the same values."""
    return len(found) == len(true) and all(
        torch.equal(made.tensors[a], made.tensors[b]) for a, b in zip(found, true, strict=True)
    )


def _run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(argument) for argument in arguments], capture_output=True, text=True, check=False
    )


def write_table(path: Path, results: list[Result], seeds: list[int], command: str) -> None:
    """The table of all results, one line an architecture."""
    lines = [
        "# Scrambled names, recovered from a reference",
        "",
        f"Made by `{command}`.",
        "",
        "Every tensor is renamed at random and the order shuffled; some matrices and kernels are",
        "transposed, some stored two in one, some joint projections in three. *idle* parameters are",
        "those on which no recorded value depends, listed by the command as not decided; *open* ones",
        "are listed, too, though something depends on them. *wrong* counts claims that do not hold bit",
        "for bit.",
        "",
        "| model | checkpoints | tensors | transposed | joined | cut | by proof | by shape | by names"
        " | by order | idle | open | wrong | verdict | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for id in dict.fromkeys(one.model for one in results):
        own = [one for one in results if one.model == id]
        verdicts = sorted({one.verdict or "—" for one in own})
        cells = [id, str(len(own)), str(sum(one.tensors for one in own))]
        for kind in ("transposed", "joined", "cut"):
            cells.append(str(sum(one.changed.get(kind, 0) for one in own)))
        for kind in ("proof", "shape", "names", "order"):
            cells.append(str(sum(one.decided.get(kind, 0) for one in own)))
        cells.append(str(sum(one.idle for one in own)))
        cells.append(str(sum(len(one.undecided) for one in own)))
        cells.append(str(sum(len(one.wrong) for one in own)))
        cells += [", ".join(verdicts), f"{max(one.seconds for one in own):.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    total = sum(len(one.wrong) for one in results)
    lines += ["", f"{len(results)} checkpoints, {total} wrong claims; seeds {seeds}.", ""]
    path.write_text("\n".join(lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/align-study", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/weighbridge")
    parser.add_argument("--rows", help="only these, separated by commas")
    parser.add_argument("--quick", action="store_true", help="leave out the heaviest networks")
    parser.add_argument("--seed", type=int, help="replay a run")
    parser.add_argument("--repeat", type=int, default=1, help="checkpoints of every model")
    parser.add_argument("--transposed", type=float, default=0.3)
    parser.add_argument("--joined", type=float, default=0.1)
    parser.add_argument("--cut", type=float, default=0.3)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here")
    return parser


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    seeds = list(range(first, first + options.repeat))
    wanted = options.rows.split(",") if options.rows else [
        id for id in ROWS
        if id not in WITHOUT_WEIGHTS and not (options.quick and id in HEAVY)
    ]
    results: list[Result] = []
    try:
        if not options.binary.is_file():
            raise ToolError(f"{options.binary} does not exist: build it, or give --binary")
        options.binary = options.binary.resolve()
        print(f"seed {first} (replay with --seed {first})", flush=True)
        for seed in seeds:
            for id in wanted:
                with tempfile.TemporaryDirectory(prefix="weighbridge-align-") as folder:
                    result = study(id, seed, options, Path(folder))
                results.append(result)
                _print(result)
    except (ToolError, OSError) as error:
        print(f"align-study: {error}", file=sys.stderr)
        return 1
    if options.markdown is not None:
        parts = ["tools/align-study", f"--seed {first} --repeat {options.repeat}"]
        parts += ["--quick"] * options.quick + [f"--rows {options.rows}"] * bool(options.rows)
        parts.append(f"--markdown {options.markdown}")
        write_table(options.markdown, results, seeds, " ".join(parts))
    failed = [one for one in results if not one.holds]
    print(f"{len(results) - len(failed)} recovered, {len(failed)} not")
    return 1 if failed else 0


def _print(result: Result) -> None:
    word = "ok  " if result.holds else "FAIL"
    decided = ", ".join(f"{count} by {kind}" for kind, count in result.decided.items())
    print(
        f"{word} {result.model}: {result.tensors} tensors, {decided}, {result.idle} idle, "
        f"{len(result.undecided)} open, {len(result.wrong)} wrong, {result.verdict or 'no verdict'}, "
        f"{result.seconds:.1f} s",
        flush=True,
    )
    for line in (result.wrong + result.undecided)[:6]:
        print(f"     {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

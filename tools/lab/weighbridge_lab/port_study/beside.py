"""Ports built-in architectures and holds them against the hand-written ones: lines, bits and time.

Each is recorded at its full size from the Python model that the tests compare with, ported, compiled with
optimisation, and run in turns with the hand-written one in one process.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator
from weighbridge_recorder import export, record

from .. import figures, registry
from .ported import ROOT, Outcome, Study

MODELS = ROOT / "Sources/WeighbridgeModels"
# The hand-written sources of each architecture, its blocks included.
SOURCES = {
    "se_resnet50": ["SENet", "Support/ResidualShortcut.swift"],
    "sknet50": ["SKNet", "Support/ResidualShortcut.swift"],
    "vit": ["VisionTransformer"],
    "detr_encoder": ["DETR"],
    "lvc_block": ["VisualCenter/LVCBlock.swift", "VisualCenter/Encoding.swift"],
    "evc_block": ["VisualCenter"],
    "se_inception3": ["SEInception", "SENet/SELayer.swift"],
    "stn": ["SpatialTransformer.swift"],
}


@dataclass
class Beside:
    """A built-in architecture, ported and hand-written."""

    name: str
    written: int
    ported: int
    same: bool
    passed: bool
    written_seconds: float
    ported_seconds: float
    reason: str = ""

    def row(self) -> list[str]:
        if self.reason:
            return [f"`{self.name}`", str(self.written), str(self.ported or ""), *[""] * 5, self.reason]
        return [
            f"`{self.name}`", str(self.written), str(self.ported), f"{self.ported / self.written:.2f}",
            f"{1000 * self.written_seconds:.2f}", f"{1000 * self.ported_seconds:.2f}",
            f"{self.ported_seconds / self.written_seconds:.2f}", "pass" if self.passed else "FAIL",
            "the same" if self.same else "within noise",
        ]


def struct_lines(files: list[Path]) -> int:
    """The lines of the modules' structs, with the comment above each."""
    count = 0
    for file in files:
        comment, inside = 0, False
        for line in file.read_text().splitlines():
            if inside:
                count += 1
                inside = line != "}"
            elif re.match(r"(\w+ )?struct \w+.*: .*(Module|Architecture)\b", line):
                count += comment + 1
                inside = True
            comment = comment + 1 if line.startswith("///") else 0
    return count


def written_files(name: str) -> list[Path]:
    """Where the hand-written architecture is."""
    places = [MODELS / place for place in SOURCES[name]]
    return sorted(
        file for place in places for file in ([place] if place.is_file() else place.glob("*.swift")))


class BesideStudy(Study):
    """The package of the ported ones, compiled as a program of theirs is."""

    settings = ""

    def record(self, outcome: Outcome) -> bool:
        place = self.place(outcome)
        if (place / "reference.npz").exists():
            return True
        place.mkdir(parents=True, exist_ok=True)
        row = registry.row(outcome.name)
        torch.manual_seed(0)
        config = row.config()
        net = row.build(config).eval()
        inputs = row.inputs(config, 1, Generator().manual_seed(0), registry.InputOptions())
        export(net, place / "net.npz")
        record(
            net, inputs, place / "reference.npz", model_id=outcome.name,
            config=row.metadata_config(config), network=True, sample=True)
        return True


def measured(study: BesideStudy, outcome: Outcome, rounds: int) -> Beside:
    """Lines of a network that compiled, and its time in turns with the hand-written one."""
    sources = study.place(outcome) / "port/Sources" / study.target(outcome)
    made = Beside(
        outcome.name, struct_lines(written_files(outcome.name)),
        struct_lines(sorted(sources.glob("*.swift"))), False, False, 0, 0)
    if outcome.status != "compiled":
        made.reason = f"{outcome.status}: {outcome.reason}"
        return made
    run = subprocess.run(
        [study.scratch / "release/weighbridge-ported", "--beside", str(rounds), outcome.key],
        capture_output=True, text=True, timeout=1800)
    if not run.stdout.startswith("{"):
        made.reason = f"ends with {run.returncode}: {run.stderr[-160:].strip()}"
        return made
    found = json.loads(run.stdout.splitlines()[0])
    made.same, made.passed = found["same"], found["passed"]
    made.written_seconds = statistics.median(found["written"])
    made.ported_seconds = statistics.median(found["ported"])
    made.reason = found["reason"]
    return made


def markdown(path: Path, rows: list[Beside], command: str) -> None:
    """The page."""
    whole = [row for row in rows if not row.reason]
    figures.write(
        path,
        "# Built-in architectures, ported",
        figures.provenance(command),
        "What `weighbridge port` writes of the Python models that the built-in architectures mirror, beside "
        "the hand-written Swift. Lines are those of the modules' structs and the comment above each, "
        "without configurations and imports. Milliseconds are medians of one forward pass on the recorded "
        "input (batch 1, full size), both in one process, in turns. The verdict is that of the ported "
        "one's own test; `outputs` are compared bit for bit with the hand-written one's. Goals: at most "
        "1.5 times the lines, no slower.",
        f"**{sum(row.passed for row in whole)} of {len(rows)}** pass; median "
        f"{statistics.median(row.ported / row.written for row in whole):.2f} of the lines, "
        f"{statistics.median(row.ported_seconds / row.written_seconds for row in whole):.2f} of the time."
        if whole else "",
        figures.table(
            ["architecture", "lines by hand", "ported", "ratio", "ms by hand", "ported", "ratio",
             "verdict", "outputs"], [row.row() for row in rows]),
    )


def main(arguments: list[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="tools/port-study --beside", description=__doc__)
    made.add_argument("--only", metavar="ID", action="append", choices=list(SOURCES))
    made.add_argument("--binary", type=Path, default=Path(".build/release/weighbridge"))
    made.add_argument("--folder", type=Path, default=ROOT / ".build/beside")
    made.add_argument("--rounds", type=int, default=15)
    made.add_argument("--markdown", type=Path, metavar="FILE")
    options = made.parse_args(arguments)
    warnings.simplefilter("ignore")
    study = BesideStudy(options.binary, options.folder)
    outcomes = [Outcome("built-in", name) for name in options.only or SOURCES]
    for outcome in outcomes:
        if study.record(outcome):
            study.port(outcome)
        print(f"{outcome.status:12} {outcome.name} {outcome.reason}", flush=True)
    study.compile([outcome for outcome in outcomes if outcome.status == "ported"])
    found = []
    for outcome in outcomes:
        found.append(measured(study, outcome, options.rounds))
        print(" ".join(found[-1].row()), flush=True)
    if options.markdown is not None:
        markdown(options.markdown, found, "tools/port-study --beside")
    return 0 if all(row.passed for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())

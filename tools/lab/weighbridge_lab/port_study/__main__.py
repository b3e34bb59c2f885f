"""Records each network of the study, validates it in Swift as recorded, and counts."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from weighbridge_recorder import export, record

from .. import figures
from ..record_study.networks import LIBRARIES, make


@dataclass
class Outcome:
    """What became of one network.

    Attributes:
        status: `pass`, `fail` (Swift computes something else), `refused` (something in it cannot be
            run, and the message says what), or `not made`.
        reason: the command's first line, where it is none of the first.
        layers: recorded results of modules that were compared.
        other: the verdict on inputs of another batch; empty where there was none.
    """

    library: str
    name: str
    status: str
    reason: str = ""
    layers: int = 0
    outputs: int = 0
    worst: float = 0
    other: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def row(self) -> list[str]:
        times = [self.seconds.get(key) for key in ("bind", "forward", "production")]
        return [
            f"`{self.name}`", self.library, self.status, str(self.layers), f"{self.worst:.2f}",
            self.other, *("" if t is None else f"{t:.2f}" for t in times),
            self.reason.replace("|", "\\|"),
        ]


class Study:
    """Validates networks with a built command, in a folder for what it is given."""

    def __init__(self, binary: Path, folder: Path, timeout: float) -> None:
        self.binary = binary
        self.folder = folder
        self.timeout = timeout

    def run(self, library: str, name: str) -> Outcome:
        weights, reference = self.folder / "net.safetensors", self.folder / "reference.npz"
        try:
            torch.manual_seed(0)
            net, images = make(library, name, 1)
            export(net, weights)
            record(net, [images], reference, network=True, sample=True)
        except Exception as error:  # whatever a library says to a configuration
            lines = str(error).strip().splitlines() or [""]
            return Outcome(library, name, "not made", f"{type(error).__name__}: {lines[0][:120]}")
        outcome = Outcome(library, name, "refused")
        self._judge(outcome, self._validated(weights, reference, ["--model", "recorded"]))
        if outcome.status == "pass":
            outcome.other = self._other_batch(net, images, weights, reference)
        return outcome

    def _other_batch(self, net: nn.Module, images: Tensor, weights: Path, reference: Path) -> str:
        """The verdict on two images of the network that was recorded with one."""
        other = self.folder / "other.npz"
        try:
            record(net, [torch.cat([images, images.flip(-1)])], other, sample=True)
        except Exception as error:  # a network that takes one image only
            return f"not run: {type(error).__name__}"
        verdict = self._validated(
            weights, other, ["--model", "recorded", "--network", str(reference)]
        )
        if isinstance(verdict, str):
            return verdict.removeprefix("weighbridge: error: ")
        return str(verdict["verdict"])

    def _validated(self, weights: Path, reference: Path, options: list[str]) -> Any:
        command = [
            str(self.binary), "validate", "--weights", str(weights), "--reference",
            str(reference), "--json", "-", "--reach", "never", *options,
        ]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            return f"took more than {self.timeout:.0f} s"
        if run.returncode not in (0, 1):
            lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
            return lines[0]
        return json.loads(run.stdout)

    def _judge(self, outcome: Outcome, verdict: Any) -> None:
        if isinstance(verdict, str):
            outcome.reason = verdict.removeprefix("weighbridge: error: ")
            return
        outcome.status = verdict["verdict"]
        outcome.layers = len(verdict["layers"])
        outcome.outputs = len(verdict["outputs"])
        outcome.seconds = verdict["seconds"]
        judged = [*verdict["layers"], *verdict["outputs"], *verdict["production"]["outputs"]]
        shares = [
            float(x["noise_ratio"]) / float(x["limit"])
            for x in judged
            if x.get("noise_ratio") is not None and x.get("limit")
        ]
        outcome.worst = max(shares, default=0)
        if outcome.status != "pass":
            wrong = [x for x in judged if x["status"] not in ("ok", "reshaped", "uncovered")]
            first = verdict.get("first_divergence")
            outcome.reason = f"first wrong: {first}" if first else f"{len(wrong)} not compared"
            if verdict["uncovered"]:
                outcome.reason += f"; uncovered: {', '.join(verdict['uncovered'][:3])}"


def markdown(path: Path, outcomes: list[Outcome], command: str) -> None:
    counts = []
    for library in LIBRARIES:
        made = [o for o in outcomes if o.library == library and o.status != "not made"]
        passed = sum(o.status == "pass" for o in made)
        if made:
            counts.append(f"{passed} of {len(made)} of {library}")
    passed = sum(o.status == "pass" for o in outcomes)
    made_count = sum(o.status != "not made" for o in outcomes)
    figures.write(
        path,
        "# Recorded networks in Swift",
        figures.provenance(command),
        "Vision networks of timm, torchvision and transformers with random weights, recorded with "
        "`network=True` and run in Swift by `weighbridge validate --model recorded`: no Swift of them "
        "exists. `worst` is the largest share of its own limit that any result takes; seconds are "
        "those of loading, the probed run and the run of a program. `refused`: the message says what "
        "cannot be run; `not made`: the library did not make it in the study's small configuration.",
        f"**{passed} of {made_count}** networks pass, every recorded result compared: "
        f"{', '.join(counts)}.",
        figures.table(
            [
                "network", "library", "status", "results", "worst", "other batch", "bind", "forward",
                "production", "why",
            ],
            [outcome.row() for outcome in outcomes],
        ),
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/port-study", description=__doc__)
    parser.add_argument("--library", choices=LIBRARIES, action="append", help="repeatable")
    parser.add_argument("--only", metavar="NAME", action="append", help="repeatable")
    parser.add_argument("--binary", type=Path, default=Path(".build/release/weighbridge"))
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the last files stay")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="port-study-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        study = Study(options.binary, folder, options.timeout)
        for library in options.library or LIBRARIES:
            for name in LIBRARIES[library]:
                if options.only and name not in options.only:
                    continue
                started = time.monotonic()
                outcome = study.run(library, name)
                outcomes.append(outcome)
                why = f": {outcome.reason}" if outcome.reason else ""
                print(
                    f"{outcome.status:8} {library} {name} {outcome.layers} {outcome.worst:.2f} "
                    f"{time.monotonic() - started:.0f} s{why}", flush=True)
                if options.markdown is not None:
                    markdown(options.markdown, outcomes, f"tools/port-study {_said(options)}")
    failed = [outcome for outcome in outcomes if outcome.status == "fail"]
    print(f"{len(outcomes)} networks, {sum(o.status == 'pass' for o in outcomes)} pass")
    return 1 if failed else 0


def _said(options: argparse.Namespace) -> str:
    return "".join(f"--library {name} " for name in options.library or []) + (
        f"--markdown {options.markdown}")


if __name__ == "__main__":
    sys.exit(main())

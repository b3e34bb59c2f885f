"""Records each network of the study, runs it from its text, and counts."""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from weighbridge_recorder import Recording, run
from weighbridge_recorder.modules import without_fast_path
from weighbridge_recorder.nesting import flatten
from weighbridge_recorder.network import check, describe, said

from .. import figures
from ..replay import Replay
from .networks import LIBRARIES, make


@dataclass
class Outcome:
    """What became of one network.

    Attributes:
        status: `exact` (every result of a module bit for bit), `close`, `limited` (something
            cannot be expressed, and the file says what), `wrong`, or `not made`.
        reason: why it is none of the first two.
    """

    library: str
    name: str
    status: str
    reason: str = ""
    modules: int = 0
    results: int = 0
    bytes: int = 0
    seconds: float = 0
    variations: dict[str, str] = field(default_factory=dict)

    def row(self) -> list[str]:
        order = ("batch", "size")
        return [
            f"`{self.name}`", self.library, self.status, str(self.modules), str(self.results),
            f"{self.bytes / 1000:.0f} kB", *(self.variations.get(key, "") for key in order),
            self.reason.replace("|", "\\|"),
        ]


class Comparison:
    """Holds what a replay gives against what was recorded."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.compared = 0
        self.is_exact = True
        self.wrong: list[str] = []

    def visit(self, path: str, call: int, result: Any) -> None:
        if not path:
            return
        name = path + (f"#{call}" if call else "")
        for suffix, tensor in flatten(result):
            recorded = self.recording.activations.get(name + suffix)
            self.judge(name + suffix, tensor, recorded)

    def judge(self, name: str, tensor: Tensor, recorded: Any) -> None:
        self.compared += 1
        if recorded is None or recorded.shape != tuple(tensor.shape):
            self.wrong.append(f"{name} is not what was recorded")
            return
        expected = torch.from_numpy(recorded)
        if torch.equal(expected.nan_to_num(7.5), tensor.to(expected.dtype).nan_to_num(7.5)):
            return
        self.is_exact = False
        scale = float(expected.double().abs().max())
        distance = float((expected.double() - tensor.double()).abs().max())
        if not distance <= 1e-4 * scale:
            self.wrong.append(f"{name} is off by {distance:.1e} of {scale:.1e}")


def study(library: str, name: str, batch: int) -> Outcome:
    """Records one network and runs it from its text."""
    try:
        net, images = make(library, name, batch)
        recording = run(net, [images], noise=False)
    except Exception as error:  # whatever a library says to a configuration
        return Outcome(library, name, "not made", f"{type(error).__name__}: {_first(error)}")
    outcome = Outcome(library, name, "exact", modules=len(list(net.modules())))
    started = time.monotonic()
    with without_fast_path(net):
        network = describe(net, [images], {})
    outcome.seconds = time.monotonic() - started
    text = network.text()
    outcome.bytes = len(text)
    content = json.loads(text)
    outcome.variations = {v["kind"]: v["result"] for v in content["variations"]}
    problems = check(content)
    if problems:
        outcome.status, outcome.reason = "wrong", problems[0]
        return outcome
    limits = [limit for limit in content["limits"] if limit["kind"] != "size"]
    if limits:
        outcome.status, outcome.reason = "limited", said(limits[0])
        return outcome
    return _replayed(outcome, net, images, content, network.constants, recording)


def _replayed(
    outcome: Outcome, net: nn.Module, images: Tensor, content: Any, constants: Any,
    recording: Recording,
) -> Outcome:
    comparison = Comparison(recording)
    tensors = [torch.from_numpy(array) for array in constants]
    try:
        outputs = Replay(content, net.state_dict(), tensors, comparison.visit).run([images.clone()])
    except (AssertionError, RuntimeError, TypeError) as error:
        outcome.status, outcome.reason = "wrong", _first(error)
        return outcome
    for index, (_, tensor) in enumerate(flatten(outputs)):
        comparison.judge(f"outputs/{index}", tensor, recording.outputs[index])
    outcome.results = comparison.compared
    if comparison.wrong:
        outcome.status, outcome.reason = "wrong", comparison.wrong[0]
    elif not comparison.is_exact:
        outcome.status = "close"
    return outcome


def _first(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:120]


def markdown(path: Path, outcomes: list[Outcome], command: str) -> None:
    whole = [o for o in outcomes if o.status in ("exact", "close")]
    exact = sum(o.status == "exact" for o in outcomes)
    made = sum(o.status != "not made" for o in outcomes)
    figures.write(
        path,
        "# Recorded networks",
        figures.provenance(command),
        "Vision networks of timm, torchvision and transformers with random weights, recorded with "
        "`network=True` and then run from that text alone, without their Python; each result of a "
        "module is compared with what the network itself gave. `exact`: all bit for bit; `close`: "
        "within 1e-4; `limited`: something cannot be expressed, and the file says what; `batch` and "
        "`size`: whether another batch and larger images do the same. `not made`: the library did "
        "not make it in the study's small configuration.",
        f"**{len(whole)} of {made}** networks run from their recording, {exact} of them bit for "
        f"bit, {sum(o.results for o in whole)} results in all.",
        figures.table(
            ["network", "library", "status", "modules", "results", "text", "batch", "size", "why"],
            [outcome.row() for outcome in outcomes],
        ),
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/record-study", description=__doc__)
    parser.add_argument("--library", choices=LIBRARIES, action="append", help="repeatable")
    parser.add_argument("--only", metavar="NAME", action="append", help="repeatable")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    outcomes = []
    for library in options.library or LIBRARIES:
        for name in LIBRARIES[library]:
            if options.only and name not in options.only:
                continue
            outcome = study(library, name, options.batch)
            outcomes.append(outcome)
            why = f": {outcome.reason}" if outcome.reason else ""
            print(f"{outcome.status:8} {library} {name} {outcome.results}{why}", flush=True)
    if options.markdown is not None:
        command = "tools/record-study" + f" --batch {options.batch}" * (options.batch != 1)
        command += "".join(f" --library {name}" for name in options.library or [])
        markdown(options.markdown, outcomes, f"{command} --markdown {options.markdown}")
    wrong = [outcome for outcome in outcomes if outcome.status == "wrong"]
    print(f"{len(outcomes)} networks, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

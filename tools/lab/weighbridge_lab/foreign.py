"""The calibration study's other half: networks that are not built in, right and damaged.

Run as `tools/foreign/study`. Two kinds of Swift run them: one network is written in Swift by hand
(tools/foreign), validated as a user's program does it; of the others no Swift exists, and the
command runs them as recorded. A right network that fails is a false alarm; a damaged one that
passes is a miss, unless the verdict lists the damaged parameter as one that it cannot see.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from weighbridge_recorder import export, record

from . import figures
from .ratios import worst_share
from .record_study.networks import LIBRARIES, make

State = dict[str, Tensor]
SCALES = (1e-3, 1.0, 1e3)
# Its Swift is written by hand, in tools/foreign.
BY_HAND = "visformer_tiny"


@torch.no_grad()
def draw(model: nn.Module) -> None:
    """Random weights with some signal at every depth, and nothing that calibrates them."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim > 1:
            tensor.normal_(0, max(1, tensor[0].numel()) ** -0.5)
        else:
            tensor.normal_(0, 0.2).add_(1 if name.endswith("weight") else 0)


def damages(state: State, of_each: int) -> Iterator[tuple[str, str, State]]:
    """The state dict with one thing wrong at a time, from the first layers to the last.

    Yields the parameter's name, what is wrong with it, and the state dict.
    """
    kernels = [name for name, x in state.items() if x.ndim == 4 and x.shape[0] > 1]
    vectors = [name for name, x in state.items() if x.ndim == 1 and name.endswith("bias")]
    means = [name for name in state if name.endswith("running_mean")]
    for name in kernels[:: max(1, len(kernels) // of_each)][:of_each]:
        changed = state[name].clone()
        changed[[0, 1]] = changed[[1, 0]]
        yield name, "two outputs swapped", {**state, name: changed}
    for name in vectors[1 :: max(1, len(vectors) // of_each)][:of_each]:
        yield name, "0.01 more", {**state, name: state[name] + 0.01}
    for name in means[2 :: max(1, len(means) // of_each)][:of_each]:
        yield name, "1 % larger", {**state, name: state[name] * 1.01 + 1e-3}


@dataclass
class Verdict:
    """What was said of one run.

    Attributes:
        status: 0 pass, 1 fail, anything else: not run.
        unseen: parameters that no compared value reacts to, by the verdict itself.
        worst: the largest share of its own limit.
    """

    status: int
    line: str
    unseen: list[str] = field(default_factory=list)
    worst: float = 0
    used_float64: bool = False


@dataclass
class Network:
    """One network's runs."""

    library: str
    name: str
    right: int = 0
    alarms: list[str] = field(default_factory=list)
    damaged: int = 0
    unseen: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    worst: float = 0
    float64: int = 0
    refused: str = ""

    def row(self) -> list[object]:
        return [
            f"`{self.name}`", self.library, self.right, len(self.alarms), f"{self.worst:.2f}",
            self.float64, self.damaged, len(self.unseen), len(self.missed),
            self.refused.replace("|", "\\|"),
        ]


class Study:
    """Runs networks with the built commands, in a folder of their own."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.weights, self.reference = folder / "net.npz", folder / "reference.npz"

    def run(self, library: str, name: str) -> Network:
        network = Network(library, name)
        for seed in range(self.options.first, self.options.first + self.options.seeds):
            for is_drawn in (False, True):
                try:
                    net, images = make(library, name, 1, seed)
                except Exception as error:  # whatever a library says to a configuration
                    network.refused = f"not made: {type(error).__name__}"
                    return network
                if is_drawn:
                    draw(net)
                label = f"seed {seed}, {'drawn' if is_drawn else 'as initialised'}"
                for scale in SCALES:
                    self._run(network, net, images * scale, f"{label}, inputs times {scale:g}", scale == 1)
                    if network.refused:
                        return network
        return network

    def _run(
        self, network: Network, net: nn.Module, images: Tensor, label: str, damage: bool
    ) -> None:
        state = {key: value.clone() for key, value in net.state_dict().items()}
        record(net, [images], self.reference, network=network.name != BY_HAND, sample=True)
        self._export(state)
        for said in self._verdicts(network):
            if said.status not in (0, 1):
                network.refused = said.line
                return
            network.right += 1
            network.float64 += said.used_float64
            network.worst = max(network.worst, said.worst)
            if said.status != 0:
                network.alarms.append(f"{network.name}, {label}: {said.line}")
        if damage:
            self._damage(network, state, label)

    def _damage(self, network: Network, state: State, label: str) -> None:
        for parameter, what, changed in damages(state, self.options.damage):
            self._export(changed)
            for said in self._verdicts(network, reach=True):
                network.damaged += 1
                if said.status != 0:
                    continue
                case = f"{network.name}, {label}: {parameter} {what}"
                hidden = any(unseen.startswith(parameter) for unseen in said.unseen)
                (network.unseen if hidden else network.missed).append(case)

    def _export(self, state: State) -> None:
        self.weights.unlink(missing_ok=True)
        export(state, self.weights)

    def _verdicts(self, network: Network, reach: bool = False) -> Iterator[Verdict]:
        if network.name == BY_HAND:
            for twin in (True, False):
                yield self._by_hand(network.name, twin)
        else:
            yield self._as_recorded(reach)

    def _by_hand(self, name: str, twin: bool) -> Verdict:
        command = [
            self.options.by_hand, name, self.weights, self.reference, *([] if twin else ["--no-twin"])
        ]
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        return Verdict(run.returncode, (run.stdout.splitlines() or [run.stderr.strip()])[0])

    def _as_recorded(self, reach: bool) -> Verdict:
        command = [
            self.options.binary, "validate", "--model", "recorded", "--weights", self.weights,
            "--reference", self.reference, "--json", "-",
            *([] if reach else ["--reach", "never"]),
        ]
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if run.returncode not in (0, 1):
            lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
            return Verdict(run.returncode, lines[0].removeprefix("weighbridge: error: "))
        report = json.loads(run.stdout)
        unseen = [x["name"] if isinstance(x, dict) else x for x in report.get("unseen", [])]
        return Verdict(
            run.returncode, str(report["headline"]), unseen, worst_share(report),
            report["seconds"].get("oracle", 0) > 0,
        )


def chosen(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Every so many of the list, and the one that is written by hand."""
    everything = [(library, name) for library, names in LIBRARIES.items() for name in names]
    if options.only:
        return [entry for entry in everything if entry[1] in options.only]
    others = [entry for entry in everything if entry[1] != BY_HAND]
    return [("timm", BY_HAND), *others[options.offset :: options.every]]


def markdown(path: Path, networks: Sequence[Network], command: str) -> None:
    run = [network for network in networks if not network.refused]
    right, alarms = sum(n.right for n in run), [a for n in run for a in n.alarms]
    damaged, missed = sum(n.damaged for n in run), [m for n in run for m in n.missed]
    unseen = [u for n in run for u in n.unseen]
    blocks = [
        "# Calibration on networks from elsewhere",
        figures.provenance(command),
        "Networks of timm, torchvision and transformers, as their library initialises them and with "
        "drawn weights, inputs times " + ", ".join(f"{scale:g}" for scale in SCALES) + f"; `{BY_HAND}` is "
        "written in Swift by hand and validated with the model in float64 beside it and without, the "
        "others run as recorded. `worst` is the largest share of its own limit that any result of a "
        "right network takes; `float64`: how often the model was run in float64 before it was "
        "judged. Damaged: two outputs of a kernel swapped, 0.01 added to a bias, a running mean 1 % "
        "larger, one at a time; `unseen`: the verdict passes and lists the damaged parameter as one "
        "to which no compared value reacts.",
        f"**False alarms: {len(alarms)} of {right} runs of right networks. Missed: {len(missed)} of "
        f"{damaged} damaged ones**, {len(unseen)} more are listed as unseen. "
        f"{len(run)} networks were run, {len(networks) - len(run)} refused.",
        figures.table(
            ["network", "library", "right", "alarms", "worst", "float64", "damaged", "unseen",
             "missed", "refused"],
            [network.row() for network in networks],
        ),
    ]
    for title, lines in (("False alarms", alarms), ("Missed", missed), ("Unseen", unseen)):
        if lines:
            blocks += [f"## {title}", "\n".join(f"- {line}" for line in lines)]
    figures.write(path, *blocks)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/foreign/study", description=__doc__.split("\n")[0])
    parser.add_argument("--binary", type=Path, default=Path(".build/release/weighbridge"))
    parser.add_argument("--by-hand", type=Path, default=Path(".build/release/weighbridge-foreign"))
    parser.add_argument("--only", metavar="NAME", action="append", help="repeatable")
    parser.add_argument("--every", type=int, default=3, help="every so many of the list")
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--damage", type=int, default=1, help="damages of each kind")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    return parser


def _said(options: argparse.Namespace) -> str:
    """The command without the places of programs."""
    parts = ["tools/foreign/study", *(f"--only {name}" for name in options.only or [])]
    defaults = vars(_parser().parse_args([]))
    for key in ("every", "offset", "seeds", "first", "damage", "markdown"):
        if (value := getattr(options, key)) != defaults[key]:
            parts.append(f"--{key} {value}")
    return " ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    said = _said(options)
    warnings.simplefilter("ignore")
    networks: list[Network] = []
    with tempfile.TemporaryDirectory(prefix="weighbridge-foreign-") as folder:
        study = Study(options, Path(folder))
        for library, name in chosen(options):
            started = time.monotonic()
            network = study.run(library, name)
            networks.append(network)
            print(
                f"{name}: {network.right} right, {len(network.alarms)} alarms, worst "
                f"{network.worst:.2f}, {network.damaged} damaged, {len(network.unseen)} unseen, "
                f"{len(network.missed)} missed {network.refused} {time.monotonic() - started:.0f} s",
                flush=True)
            for line in [*network.alarms, *network.missed]:
                print(f"  {line}", flush=True)
            if options.markdown is not None:
                markdown(options.markdown, networks, said)
    return 1 if any(n.alarms or n.missed for n in networks) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs the outside catalogue and scores what the library says. See tools/outside-study."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import networks
import numpy as np
import torch
from catalogue import Case, load
from faults import FAULTS
from scoring import Outcome, score
from tables import markdown, summary
from weighbridge_recorder import record

ROOT = Path(__file__).resolve().parents[2]


def prepare(name: str, folder: Path, seed: int) -> dict[str, np.ndarray]:
    """Writes the original's weights and reference, and gives the weights."""
    net = networks.build(name, seed)
    weights = {key: value.detach().numpy().copy() for key, value in net.state_dict().items()}
    np.savez(folder / f"{name}.npz", **weights)
    with torch.no_grad():
        record(net, [networks.images(name, 1 + seed, 2)], folder / f"{name}_reference.npz")
    return weights


def line(case: Case | None, network: str, folder: Path, weights: dict[str, np.ndarray]) -> str:
    """One line for the program; writes the changed weights where the mistake is in the file."""
    file, switch = folder / f"{network}.npz", "none"
    if case is not None and case.weights:
        changed = dict(weights)
        for fault, arguments in case.weights.items():
            FAULTS[fault](changed, *arguments)
        file = folder / f"{case.id}.npz"
        np.savez(file, **changed)
    elif case is not None:
        switch = case.id
    prefix = folder / (case.id if case else f"{network}_right")
    for ending in (".json", ".txt", ".error"):
        prefix.with_suffix(ending).unlink(missing_ok=True)
    return "\t".join(
        [network, switch, str(file), str(folder / f"{network}_reference.npz"), str(prefix)])


def run(program: str, cases: list[Case], names: list[str], folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for network in names:
        print(f"recording {network}", file=sys.stderr)
        weights = prepare(network, folder, seed)
        lines.append(line(None, network, folder, weights))
        own = [case for case in cases if case.network == network]
        lines += [line(case, network, folder, weights) for case in own]
    listing = folder / "cases.tsv"
    listing.write_text("\n".join(lines) + "\n")
    subprocess.run([program, str(listing)], check=True)


def wrong_rights(names: list[str], folder: Path) -> list[str]:
    """The networks whose right port does not pass."""
    wrong = []
    for network in names:
        said = folder / f"{network}_right.json"
        if not said.exists() or not json.loads(said.read_text())["passes"]:
            wrong.append(network)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=".build/release/outside-verdict")
    parser.add_argument("--quick", action="store_true", help="one case of each network")
    parser.add_argument("--only", help="a network or a case")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--rights", action="store_true", help="the right ports alone")
    parser.add_argument("--kept", type=Path, help="score what an earlier run left in this folder")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of weights and images")
    parser.add_argument("--label", default="now", help="the name of this run in the table")
    options = parser.parse_args()

    cases = load()
    if options.only:
        cases = [c for c in cases if options.only in (c.network, c.id)]
    if options.quick:
        first = {c.network: c.id for c in reversed(cases)}
        cases = [c for c in cases if first[c.network] == c.id]
    if options.list:
        for case in cases:
            print(f"{case.id:40} {case.what}")
        return 0
    folder = options.kept or ROOT / ".build" / "outside"
    names = list(dict.fromkeys(case.network for case in cases))
    if not options.kept:
        run(options.program, [] if options.rights else cases, names, folder, options.seed)

    wrong = wrong_rights(names, folder)
    for network in wrong:
        print(f"the right port of {network} does not pass", file=sys.stderr)
    if options.rights:
        return 1 if wrong else 0
    outcomes: list[Outcome] = [score(case, folder) for case in cases]
    print(summary(outcomes))
    if options.markdown:
        markdown(options.markdown, outcomes, options.label)
    return 1 if wrong or any(not o.detected for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())

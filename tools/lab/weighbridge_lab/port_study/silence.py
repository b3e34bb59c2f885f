"""Runs the networks of `injected` on what they were not recorded with, and counts what is said."""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weighbridge_recorder import export, record

from .. import figures
from .injected import INJECTED, OTHERS, made, other
from .study import Judge


@dataclass
class Finding:
    """What became of each kind of other images: `right`, `refused`, `noted` (other numbers, and a note
    says that and where the network reads values), `silent` (other numbers, which only a reference shows),
    or `–` where PyTorch takes none."""

    name: str
    recorded: str
    results: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        counts = Counter(self.results.values())
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if word != "–")
        return f"{self.name}: {self.recorded}; {said}"


def examine(judge: Judge, name: str) -> Finding:
    """Records one, validates it, and runs it on everything else."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="port-study-") as folder:
        weights, reference = Path(folder) / "net.safetensors", Path(folder) / "reference.npz"
        net, images = made(name)
        export(net, weights)
        record(net, [images], reference, network=True)
        verdict = judge(weights, reference, ["--model", "recorded"])
        finding = Finding(name, "refused" if isinstance(verdict, str) else str(verdict["verdict"]))
        if isinstance(verdict, str):
            return finding
        for kind in OTHERS:
            path = Path(folder) / "other.npz"
            try:
                record(net, [other(kind)], path)
            except Exception:  # whatever a network says to a size
                finding.results[kind] = "–"
                continue
            said = judge(weights, path, ["--model", "recorded", "--network", str(reference)])
            finding.results[kind] = _word(said)
    return finding


def _word(verdict: dict[str, Any] | str) -> str:
    if isinstance(verdict, str):
        return "refused"
    if verdict["verdict"] == "pass":
        return "right"
    is_said = any("recorded with a limit" in note for note in verdict["mapping"]["notes"])
    return "noted" if is_said else "silent"


def examine_all(judge: Judge) -> list[Finding]:
    findings = []
    for name in INJECTED:
        findings.append(examine(judge, name))
        print(findings[-1].line(), flush=True)
    return findings


def markdown(path: Path, findings: Sequence[Finding], command: str) -> None:
    counts = Counter(word for finding in findings for word in finding.results.values())
    figures.write(
        path,
        "# What holds for one input only",
        figures.provenance(command),
        "Small networks with something in them that holds for the recorded image alone: a batch or a "
        "size that Python computed with out of sight, a cache, a branch, a value that was read. Each is "
        "recorded with one image of 32 by 32 and run in Swift on others, whose results are held against "
        "PyTorch's. `refused`: an error that says why; `noted`: other numbers than PyTorch's, and a note "
        "beside them names the line of Python that reads values; `silent`: other numbers, which only a "
        "reference shows; `–`: PyTorch does not take them.",
        f"**{counts['silent']} of {sum(counts.values()) - counts['–']}** runs on other inputs are silent, "
        f"{counts['right']} are right, {counts['refused']} are refused and {counts['noted']} noted.",
        figures.table(
            ["what is injected", "recorded", *OTHERS],
            [
                [finding.name, finding.recorded, *(finding.results.get(kind, "") for kind in OTHERS)]
                for finding in findings
            ],
        ),
    )

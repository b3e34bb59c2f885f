"""Puts bugs in, one at a time, and runs the command on each."""

from __future__ import annotations

import copy
import json
import math
import random
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from weighbridge_recorder import Recording, export, record, run

from .bug import CHECKPOINT, RECORDING, Bug, Patient
from .outcome import Case, Outcome, judged
from .subject import Specification, Subject

# Below this many times the noise, nobody could see a bug's effect; such a case says nothing.
VISIBLE = 2.0
# Roundoffs of the reference's RMS that are added to the noise, as the command does.
FLOOR = 4 * 2**-24
# Larger files than these are not kept.
KEPT_BYTES = 30_000_000


def chosen_sites(subject: Subject, bug: Bug, count: int, seed: int) -> list[Case]:
    """Up to `count` places for a bug, drawn from all there are, in their order."""
    sites = list(bug.sites(subject))
    name = subject.specification.name
    draw = random.Random(zlib.crc32(f"{seed} {name} {bug.name}".encode()))
    indices = sorted(draw.sample(range(len(sites)), min(count, len(sites))))
    return [Case(name, bug, sites[index]) for index in indices]


def effect(healthy: Recording, ill: Recording) -> float:
    """The largest RMS error among the recorded tensors, in units of the healthy run's noise."""
    largest = 0.0
    pairs = [
        (healthy.activations[name], ill.activations[name], healthy.noise.get(name))
        for name in healthy.activations if name in ill.activations
    ]
    for index, (one, other) in enumerate(zip(healthy.outputs, ill.outputs)):
        pairs.append((one, other, healthy.noise.get(f"outputs/{index}")))
    for one, other, noise in pairs:
        if one.shape != other.shape:
            return math.inf
        if one.dtype.kind != "f" or noise is None:
            continue
        with np.errstate(all="ignore"):
            error = _rms(other.astype(np.float64) - one)
        if not math.isfinite(error):
            return math.inf
        if error > 0:
            largest = max(largest, error / (noise[0] + FLOOR * _rms(one) + 1e-300))
    return largest


def fix_kind(report: dict) -> str | None:
    """How the first cause that is sure can be put right."""
    diagnoses = report.get("diagnoses") or [{}]
    if diagnoses[0].get("certainty") != "likely":
        return None
    return (diagnoses[0].get("fix") or {}).get("kind")


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


class Clinic:
    """One subject with its healthy files, and the command."""

    def __init__(self, subject: Subject, binary: Path, folder: Path) -> None:
        self.subject, self.binary, self.folder = subject, binary, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.weights: Path | None = None
        if subject.model.state_dict():
            self.weights = folder / "healthy.npz"
            export(subject.model.state_dict(), self.weights)
        self.reference = folder / "healthy-reference.npz"
        self._record(subject.model, self.reference)

    def _record(self, model: torch.nn.Module, path: Path) -> Recording:
        subject = self.subject
        return record(model, subject.inputs, path, model_id=subject.row, config=subject.config)

    def validate(
        self, weights: Path | None, reference: Path, *options: str
    ) -> tuple[int, dict, str]:
        """The command's exit status, its report and its standard error."""
        done = subprocess.run(
            [*self.command(weights, reference), *options],
            capture_output=True, text=True, check=False,
        )
        try:
            report = json.loads(done.stdout) if done.stdout else {}
        except json.JSONDecodeError:
            report = {}
        return done.returncode, report, done.stderr

    def command(self, weights: Path | None, reference: Path) -> list[str]:
        command = [str(self.binary), "validate", "--model", self.subject.row]
        if weights is not None:
            command += ["--weights", str(weights)]
        return [*command, "--reference", str(reference), "--json", "-"]

    def is_healthy(self) -> bool:
        """Whether the command finds nothing where there is nothing."""
        status, report, _ = self.validate(self.weights, self.reference)
        return status == 0 and not report.get("diagnoses")

    def examine(self, case: Case, seed: int, keep: Path | None) -> Outcome | None:
        """Puts the bug in and validates; None when its effect drowns in the noise.

        Files of a case that was not seen through are left under `keep`.
        """
        generator = torch.Generator().manual_seed(zlib.crc32(f"{seed} {case.label}".encode()))
        subject = self.subject
        patient = Patient(
            copy.deepcopy(subject.model), subject.state(), generator,
            dict(subject.recording.activations),
        )
        with torch.no_grad():
            case.site.damage(patient)
        weights, reference = self.weights, self.reference
        if case.bug.place == CHECKPOINT:
            weights = self.folder / "ill.npz"
            export(patient.state, weights)
            patient.model.load_state_dict(patient.state)
            ill = run(patient.model, subject.inputs, noise=False)
        elif case.bug.place == RECORDING:
            reference = self._rewritten(patient.activations)
            ill = replace(subject.recording, activations=patient.activations)
        else:
            reference = self.folder / "ill-reference.npz"
            ill = self._record(patient.model, reference)
        size = effect(subject.recording, ill)
        if size < VISIBLE:
            return None
        status, report, stderr = self.validate(weights, reference)
        outcome = judged(case, size, status, report, stderr)
        if fix_kind(report) == "rules":
            outcome = replace(outcome, fixed=self._passes_fixed(weights, reference))
        if keep is not None and not outcome.complete and self._size() < KEPT_BYTES:
            self._keep(outcome, weights, reference, keep)
        return outcome

    def _rewritten(self, activations: dict[str, np.ndarray]) -> Path:
        """The healthy reference with other activations."""
        target = self.folder / "ill-reference.npz"
        with np.load(self.reference) as healthy:
            arrays = {
                name: activations.get(name.removeprefix("activations/"), healthy[name])
                if name.startswith("activations/") else healthy[name]
                for name in healthy.files
            }
        np.savez(target, **arrays)
        return target

    def _passes_fixed(self, weights: Path | None, reference: Path) -> bool:
        """Whether the rules that the command writes put the checkpoint right."""
        rules = self.folder / "fix.yaml"
        rules.unlink(missing_ok=True)
        self.validate(weights, reference, "--fix-rules", str(rules))
        if not rules.is_file():
            return False
        return self.validate(weights, reference, "--rules", str(rules))[0] == 0

    def _size(self) -> int:
        return sum(file.stat().st_size for file in self.folder.iterdir())

    def _keep(self, outcome: Outcome, weights: Path | None, reference: Path, keep: Path) -> None:
        case = outcome.case
        name = "".join(c if c.isalnum() or c in ".-_" else "_" for c in case.label)
        target = keep / name[:150]
        target.mkdir(parents=True, exist_ok=True)
        files = [target / path.name for path in (weights, reference) if path is not None]
        for path in files:
            shutil.copy(self.folder / path.name, path)
        kept = files[0] if weights is not None else None
        truth = {
            "truth": case.bug.cause, "accepts": case.site.accepts, "paths": case.site.paths,
            "where": case.site.where, "effect": outcome.effect, "module": outcome.module,
            "named": outcome.named, "naming": outcome.naming, "note": outcome.note,
            "command": " ".join(self.command(kept, files[-1])),
        }
        (target / "case.json").write_text(json.dumps(truth, indent=2) + "\n")


def planned(
    subject: Subject, bugs: list[Bug], seed: int, sites: int | None = None
) -> Iterator[Case]:
    """The cases of one subject."""
    count = sites or subject.specification.sites
    for bug in bugs:
        yield from chosen_sites(subject, bug, count, seed)


def named_specifications(
    specifications: list[Specification], rows: list[str] | None
) -> list[Specification]:
    """Those of the rows asked for."""
    return [s for s in specifications if rows is None or s.row in rows]

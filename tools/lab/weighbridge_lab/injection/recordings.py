"""Faults of the recording, of a network and a checkpoint that are right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .bug import MODEL, RECORDING, Bug, Patient, Site
from .normalization import batch_statistics_everywhere
from .subject import Subject

Learned = (nn.Conv2d, nn.Linear, _BatchNorm, nn.LayerNorm)


def _learned(subject: Subject) -> dict[str, np.ndarray]:
    """What layers with weights returned in their first calls."""
    activations = subject.recording.activations
    return {p: activations[p] for p, _ in subject.modules(*Learned) if p in activations}


def _kept_no_copy(subject: Subject) -> Iterator[Site]:
    """A hook that kept the tensor, which the next module rectifies in place."""
    rectifiers = {path for path, _ in subject.modules(nn.ReLU)}
    names = list(subject.recording.activations)
    for one, following in zip(names, names[1:], strict=False):
        values = _learned(subject).get(one)
        if values is None or following.partition("#")[0] not in rectifiers:
            continue
        after = subject.recording.activations[following]
        if (values < 0).any() and np.array_equal(np.maximum(values, 0), after):

            def damage(patient: Patient, one: str = one, following: str = following) -> None:
                patient.activations[one] = patient.activations[following]

            yield Site(one, (one,), damage)


def _names_exchanged(subject: Subject) -> Iterator[Site]:
    """Two layers' values under each other's names."""
    found = list(_learned(subject).items())
    for (one, values), (other, others) in zip(found, found[1:], strict=False):
        once = all(f"{name}#1" not in subject.recording.activations for name in (one, other))
        if once and values.shape == others.shape and not np.array_equal(values, others):

            def damage(patient: Patient, one: str = one, other: str = other) -> None:
                held = patient.activations
                held[one], held[other] = held[other], held[one]

            yield Site(f"{one} and {other}", (subject.earliest([one, other]),), damage)


class _Dropping(nn.Dropout):
    """A dropout that is on, with the same mask every time."""

    def forward(self, x: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(9)
        kept = torch.rand(x.shape, generator=generator) >= 0.25
        return x * kept / 0.75


def _dropout_on(subject: Subject) -> Iterator[Site]:
    for path, _ in subject.modules(nn.Dropout):
        if subject.recording.activations[path].size >= 64:

            def damage(patient: Patient, path: str = path) -> None:
                patient.become(path, _Dropping)

            yield Site(path, (path,), damage)


def _masked_rows(subject: Subject) -> Iterator[Site]:
    """Attention of which one row had nothing to attend to: NaN, which the projection then reads."""
    for path, _ in subject.modules(nn.Linear):
        if not path.endswith(("to_out", "to_out.0")):
            continue

        def damage(patient: Patient, path: str = path) -> None:
            def masked(x: Tensor) -> Tensor:
                x = x.clone()
                x[-1, 0] = torch.nan
                return x

            patient.feed(path, masked)

        yield Site(path, (path,), damage)


def _chance(subject: Subject) -> Iterator[Site]:
    """A layer whose result is another one in every run."""
    for path in _learned(subject):

        def damage(patient: Patient, path: str = path) -> None:
            def hook(_: nn.Module, __: tuple, output: Tensor) -> Tensor:
                return output + 0.05 * torch.randn_like(output)

            patient.module(path).register_forward_hook(hook)

        yield Site(path, (path,), damage)


BUGS = [
    Bug("recording-in-place", "rectified", RECORDING, _kept_no_copy),
    Bug("recording-names", "two layers", RECORDING, _names_exchanged),
    Bug("recording-train-mode", "dropout", MODEL, _dropout_on),
    Bug("recording-train-mode", "batch norms", MODEL, batch_statistics_everywhere),
    Bug("recording-masked-rows", "one row", MODEL, _masked_rows),
    Bug("recording-not-repeatable", "noise", MODEL, _chance),
]

"""Normalisation: eps, running statistics, training mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from .bug import CHECKPOINT, MODEL, Bug, Patient, Site
from .subject import Subject

# Relative changes below this are of the order of what float32 itself makes of a deep network.
VISIBLE_SHIFT = 2.0**-15


def _epsilon(
    value: float, everywhere: bool, *kinds: type[nn.Module]
) -> Callable[[Subject], Iterator[Site]]:
    """Another eps in one module, or in every one of its kind."""

    def sites(subject: Subject) -> Iterator[Site]:
        paths = [
            path for path, module in subject.modules(*kinds)
            if _shift(subject, path, module, value) >= VISIBLE_SHIFT
        ]

        def site(where: str, changed: list[str]) -> Site:
            def damage(patient: Patient) -> None:
                for path in changed:
                    patient.module(path).eps = value

            return Site(where, (changed[0],), damage)

        yield from _each_or_all(paths, everywhere, site)

    return sites


def _each_or_all(
    paths: list[str], everywhere: bool, site: Callable[[str, list[str]], Site]
) -> Iterator[Site]:
    """One site for each path, or one for all of them where there are several."""
    if not everywhere:
        for path in paths:
            yield site(path, [path])
    elif len(paths) > 1:
        yield site("every one", paths)


def _shift(subject: Subject, path: str, module: nn.Module, epsilon: float) -> float:
    """By how much another eps changes the module's result, relatively."""
    if isinstance(module, _BatchNorm):
        variance = float(module.running_var.mean())
    else:
        variance = float(subject.first_input(path).var())
    return abs(module.eps - epsilon) / (2 * (variance + module.eps))


def _swapped(subject: Subject) -> Iterator[Site]:
    for path, _ in subject.modules(_BatchNorm):
        mean, variance = f"{path}.running_mean", f"{path}.running_var"

        def damage(patient: Patient, mean: str = mean, variance: str = variance) -> None:
            state = patient.state
            state[mean], state[variance] = state[variance], state[mean]

        yield Site(path, (path,), damage, ("tensors-swapped",))


def _initial(everywhere: bool) -> Callable[[Subject], Iterator[Site]]:
    """Running statistics that never saw data."""

    def sites(subject: Subject) -> Iterator[Site]:
        paths = [path for path, _ in subject.modules(_BatchNorm)]

        def site(where: str, changed: list[str]) -> Site:
            def damage(patient: Patient) -> None:
                for path in changed:
                    patient.state[f"{path}.running_mean"].zero_()
                    patient.state[f"{path}.running_var"].fill_(1)
                    patient.state[f"{path}.num_batches_tracked"].zero_()

            return Site(where, (changed[0],), damage, ("initial-values",))

        yield from _each_or_all(paths, everywhere, site)

    return sites


def _batch_statistics(everywhere: bool, fewest: int = 2) -> Callable[[Subject], Iterator[Site]]:
    """The reference was recorded in training mode: each batch is its own statistics."""

    def sites(subject: Subject) -> Iterator[Site]:
        paths = [path for path, _ in subject.modules(_BatchNorm)]
        # Training mode refuses a single value per channel.
        norms = len(paths)
        paths = [path for path in paths if _values_per_channel(subject, path) >= fewest]

        def site(where: str, changed: list[str]) -> Site:
            def damage(patient: Patient) -> None:
                for path in changed:
                    module = patient.module(path)
                    module.track_running_stats = False
                    module.running_mean = module.running_var = None

            accepts = ("recording-train-mode",) if len(changed) == norms else ()
            return Site(where, (changed[0],), damage, accepts)

        yield from _each_or_all(paths, everywhere, site)

    return sites


def batch_statistics_everywhere(subject: Subject) -> Iterator[Site]:
    """A network recorded in training mode: every batch norm, each with a batch that shows it."""
    norms = subject.modules(_BatchNorm)
    for site in _batch_statistics(True, fewest=8)(subject):
        if len(norms) == sum(_values_per_channel(subject, path) >= 8 for path, _ in norms):
            yield Site(site.where, site.paths, site.damage, ("batch-statistics",))


def _values_per_channel(subject: Subject, path: str) -> int:
    shape = subject.recording.activations[path].shape
    return torch.Size(shape).numel() // shape[1]


BUGS = [
    *(
        Bug("batchnorm-epsilon", f"{value:g}", MODEL, _epsilon(value, False, _BatchNorm))
        for value in (1e-3, 1e-5, 1e-6)
    ),
    Bug("batchnorm-epsilon", "every 0.001", MODEL, _epsilon(1e-3, True, nn.BatchNorm2d)),
    *(
        Bug("layernorm-epsilon", f"{value:g}", MODEL, _epsilon(value, False, nn.LayerNorm))
        for value in (1e-3, 1e-6, 1e-12)
    ),
    Bug("layernorm-epsilon", "every 0.0001", MODEL, _epsilon(1e-4, True, nn.LayerNorm)),
    Bug("layernorm-epsilon", "group norm", MODEL, _epsilon(1e-3, False, nn.GroupNorm)),
    Bug("statistics-swapped", "one", CHECKPOINT, _swapped),
    Bug("statistics-initial", "one", CHECKPOINT, _initial(False)),
    Bug("statistics-initial", "every one", CHECKPOINT, _initial(True)),
    Bug("batch-statistics", "one", MODEL, _batch_statistics(False)),
    Bug("batch-statistics", "every one", MODEL, _batch_statistics(True)),
]

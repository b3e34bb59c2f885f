"""What a bug is, where it can be put, and what counts as having found it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .subject import Subject

CHECKPOINT, MODEL, RECORDING = "checkpoint", "model", "recording"


@dataclass
class Patient:
    """Copies to damage.

    Attributes:
        model: records the reference, for a bug in the model.
        state: becomes the checkpoint, for a bug in the checkpoint.
        generator: for damage that is random.
        activations: what was recorded, for a fault of the recording alone.
    """

    model: nn.Module
    state: dict[str, Tensor]
    generator: torch.Generator
    activations: dict[str, np.ndarray] = field(default_factory=dict)

    def module(self, path: str) -> nn.Module:
        return self.model.get_submodule(path)

    def replace(self, path: str, module: nn.Module) -> None:
        """Puts another module at a path, in eval mode."""
        parent, _, name = path.rpartition(".")
        setattr(self.model.get_submodule(parent), name, module.eval())

    def become(self, path: str, kind: type[nn.Module], **attributes: Any) -> None:
        """Makes the module at a path one of a subclass of its class; it keeps what it holds."""
        module = self.module(path)
        module.__class__ = kind
        for name, value in attributes.items():
            setattr(module, name, value)

    def feed(self, path: str, change: Callable[[Tensor], Tensor]) -> None:
        """Changes the first argument of every call of the module at a path ("": the model)."""

        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (change(args[0]), *args[1:])

        self.module(path).register_forward_pre_hook(hook)


@dataclass(frozen=True)
class Site:
    """One place for a bug.

    Attributes:
        where: the tensor or module that is damaged.
        paths: what is right as the first failing module: the module whose parameters or
            computation were changed; where a container is changed between its children, or the
            root is, the first recorded module that receives the change.
        damage: changes a patient.
        accepts: causes that are as right as the bug's own at this place; each pair has its reason
            in EQUIVALENCES.
    """

    where: str
    paths: tuple[str, ...]
    damage: Callable[[Patient], None]
    accepts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bug:
    """One way to be wrong.

    Attributes:
        cause: the id by which a diagnosis must name it.
        variant: which form of it.
        place: CHECKPOINT, MODEL or RECORDING.
        sites: every place in a subject where it can be put.
    """

    cause: str
    variant: str
    place: str
    sites: Callable[[Subject], Iterable[Site]]

    @property
    def name(self) -> str:
        return f"{self.cause}/{self.variant}"


# Different names for the same damage, and why they cannot be told apart.
EQUIVALENCES: dict[frozenset[str], str] = {
    frozenset({"fortran-order", "linear-transposed"}): (
        "a matrix whose bytes are in Fortran order is its transpose's bytes under its own shape"
    ),
    frozenset({"fortran-order", "weight-layout"}): (
        "Fortran order is the layout with all axes reversed"
    ),
    frozenset({"weight-layout", "linear-transposed"}): (
        "the weight of a 1x1 convolution is a matrix: IOHW is its transpose"
    ),
    frozenset({"patch-order", "weight-layout"}): (
        "a patch projection is a convolution: the order of a patch is a layout of its weight"
    ),
    frozenset({"patch-order", "flatten-order"}): (
        "a flattened patch is a flattened image: channels last against channels first"
    ),
    frozenset({"patch-order", "channels-reversed"}): (
        "patches of one pixel have no order but that of their channels"
    ),
    frozenset({"initial-values", "statistics-initial"}): (
        "an initial batch norm has initial running statistics; its weight and bias are 1 and 0 "
        "in many trained networks, too"
    ),
    frozenset({"activation-skipped", "module-skipped"}): "an activation is a module",
    frozenset({"se-wiring", "module-skipped"}): (
        "a squeeze-and-excitation that hands its input through is one that is not called"
    ),
    frozenset({"batch-statistics", "recording-train-mode"}): (
        "a network all of whose norms use their own batch's statistics is one in training mode"
    ),
    frozenset({"tensors-swapped", "statistics-swapped"}): (
        "the two running statistics are two tensors of the same shape"
    ),
    frozenset({"tensors-swapped", "qkv-order"}): (
        "with one tensor each for q, k and v their order is an order of tensors"
    ),
    frozenset({"branch-order", "channels-regrouped"}): (
        "scores that count the branches fastest are channels in other groups; the rule that puts "
        "them right is the same"
    ),
    frozenset({"branch-order", "tensors-swapped"}): (
        "branches in another order have each other's tensors"
    ),
}

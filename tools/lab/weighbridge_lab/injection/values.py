"""Tensors with the wrong values: each other's, none of their own, damaged on the way."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .bug import CHECKPOINT, MODEL, Bug, Patient, Site
from .layouts import conv_weights, linear_weights, tensor_site
from .subject import Subject

Norms = (nn.LayerNorm, nn.GroupNorm, _BatchNorm)


def _weights(subject: Subject) -> list[str]:
    """The weights of linear maps and convolutions in execution order."""
    found = linear_weights(subject) + conv_weights(subject)
    return sorted(found, key=lambda name: subject.order.get(subject.owner(name), 0))


def _exchange(*pairs: tuple[str, str]) -> Callable[[Patient], None]:
    def damage(patient: Patient) -> None:
        for one, other in pairs:
            patient.state[one], patient.state[other] = patient.state[other], patient.state[one]

    return damage


def _same_shape(subject: Subject) -> Iterator[tuple[str, str]]:
    """Pairs of modules whose weights have the same shape."""
    state = subject.model.state_dict()
    groups: dict[tuple[int, ...], list[str]] = {}
    for name in _weights(subject):
        groups.setdefault(tuple(state[name].shape), []).append(name)
    for names in groups.values():
        yield from itertools.combinations([n.removesuffix(".weight") for n in names], 2)


def _swapped_weights(subject: Subject) -> Iterator[Site]:
    for one, other in _same_shape(subject):
        pair = (f"{one}.weight", f"{other}.weight")
        first = subject.earliest([subject.owner(name) for name in pair])
        accepts = ("branch-order",) if ".conv." in f".{one}" and subject.row == "sk_conv" else ()
        yield Site(" and ".join(pair), (first,), _exchange(pair), accepts)


def _swapped_modules(subject: Subject) -> Iterator[Site]:
    state = subject.model.state_dict()
    for one, other in _same_shape(subject):
        names = [n for n in state if n.rpartition(".")[0] == one]
        pairs = [(n, n.replace(one, other, 1)) for n in names]
        if len(pairs) > 1 and all(other in state for _, other in pairs):
            first = subject.earliest([subject.owner(name) for name in pairs[0]])
            yield Site(f"{one} and {other}", (first,), _exchange(*pairs))


def _swapped_norms(subject: Subject) -> Iterator[Site]:
    for path, _ in subject.modules(*Norms):
        pair = (f"{path}.weight", f"{path}.bias")
        yield Site(" and ".join(pair), (path,), _exchange(pair))


def _initial(subject: Subject) -> Iterator[Site]:
    """A layer as its constructor leaves it."""
    for path, module in subject.modules(nn.Linear, nn.Conv2d, *Norms):

        def damage(patient: Patient, path: str = path, module: nn.Module = module) -> None:
            fresh = copy.deepcopy(module)
            with torch.random.fork_rng():
                torch.manual_seed(int(torch.randint(2**31, (), generator=patient.generator)))
                fresh.reset_parameters()
            for name, tensor in fresh.state_dict().items():
                patient.state[f"{path}.{name}"] = tensor

        accepts = ("statistics-initial",) if isinstance(module, _BatchNorm) else ()
        yield Site(path, (path,), damage, accepts)


def _with_infinity(tensor: Tensor) -> Tensor:
    """The middle value beyond what float16 holds, as it comes back from it."""
    changed = tensor.clone()
    changed.view(-1)[changed.numel() // 2] = torch.inf
    return changed


def _overflow_weight(subject: Subject) -> Iterator[Site]:
    for name in _weights(subject):
        yield from tensor_site(subject, name, _with_infinity)


def _overflow_vector(subject: Subject) -> Iterator[Site]:
    for name in subject.tensors():
        if name.endswith((".running_mean", ".running_var", ".bias")):
            yield from tensor_site(subject, name, _with_infinity)


def _rounded(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor.to(dtype).to(tensor.dtype)


def _truncated_tensor(dtype: torch.dtype) -> Callable[[Subject], Iterator[Site]]:
    def sites(subject: Subject) -> Iterator[Site]:
        for name in _weights(subject):
            yield from tensor_site(subject, name, _rounded(dtype))

    return sites


def _truncated_all(dtype: torch.dtype, stored: bool) -> Callable[[Subject], Iterator[Site]]:
    """Every tensor rounded; `stored`: the file has that dtype, too."""

    def sites(subject: Subject) -> Iterator[Site]:
        tensors = subject.tensors()
        if not tensors:
            return

        def damage(patient: Patient) -> None:
            for name, tensor in patient.state.items():
                if tensor.is_floating_point():
                    narrow = tensor.to(dtype)
                    patient.state[name] = narrow if stored else narrow.to(tensor.dtype)

        yield Site("every tensor", (subject.owner(tensors[0]),), damage)

    return sites


def _truncated_in_model(dtype: torch.dtype) -> Callable[[Subject], Iterator[Site]]:
    """The reference was recorded with rounded weights, which the checkpoint is not."""

    def sites(subject: Subject) -> Iterator[Site]:
        for name in _weights(subject):

            def damage(patient: Patient, name: str = name) -> None:
                weight = patient.model.state_dict()[name]
                weight.copy_(_rounded(dtype)(weight))

            yield Site(name, (subject.owner(name),), damage)

    return sites


def _swapped_bytes(tensor: Tensor) -> Tensor:
    return torch.from_numpy(tensor.numpy().byteswap())


def _byte_order(subject: Subject) -> Iterator[Site]:
    for name in subject.tensors():
        yield from tensor_site(subject, name, _swapped_bytes)


BUGS = [
    Bug("tensors-swapped", "weights", CHECKPOINT, _swapped_weights),
    Bug("tensors-swapped", "modules", CHECKPOINT, _swapped_modules),
    Bug("tensors-swapped", "norm", CHECKPOINT, _swapped_norms),
    Bug("initial-values", "layer", CHECKPOINT, _initial),
    Bug("overflow", "weight", CHECKPOINT, _overflow_weight),
    Bug("overflow", "vector", CHECKPOINT, _overflow_vector),
    Bug("truncated-dtype", "f16", CHECKPOINT, _truncated_tensor(torch.float16)),
    Bug("truncated-dtype", "bf16", CHECKPOINT, _truncated_tensor(torch.bfloat16)),
    Bug("truncated-dtype", "all f16", CHECKPOINT, _truncated_all(torch.float16, stored=True)),
    Bug("truncated-dtype", "all bf16", CHECKPOINT, _truncated_all(torch.bfloat16, stored=False)),
    Bug("truncated-dtype", "recorded f16", MODEL, _truncated_in_model(torch.float16)),
    Bug("truncated-dtype", "recorded bf16", MODEL, _truncated_in_model(torch.bfloat16)),
    Bug("byte-order", "one tensor", CHECKPOINT, _byte_order),
]

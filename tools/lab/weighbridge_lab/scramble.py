"""Checkpoints that say nothing by their names: every tensor renamed at random, the order shuffled,
some transposed, some joined with others or cut in parts."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field

import torch
from torch import Tensor

# Projections to queries, keys and values, which other programs keep apart. (Those of a
# MultiheadAttention answer for themselves only all at once, so that its parts are not told.)
JOINT = ("to_qkv.weight",)


@dataclass
class Scrambled:
    """A state dict under other names.

    Attributes:
        tensors: by new name, in a new order.
        sources: for each parameter the new names that it is made of, in order.
        changed: how many tensors were transposed, cut and joined.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def scrambled(
    state: dict[str, Tensor], seed: int, transposed: float = 0.3, cut: float = 0.3,
    joined: float = 0.1,
) -> Scrambled:
    """`state` under names that tell nothing.

    Args:
        transposed: the share of matrices stored [in, out] and of kernels stored HWIO.
        cut: the chance of a joint projection to be stored as three tensors.
        joined: the share of matrices and kernels stored two in one.
    """
    draw = random.Random(seed)
    made = Scrambled()
    parts: list[tuple[list[str], Tensor]] = []
    for name, tensor in _joined(state, draw, joined, made):
        if name[0].endswith(JOINT) and draw.random() < cut:
            thirds = tensor.chunk(3)
            made.changed["cut"] += 1
            parts += [(name, third) for third in thirds]
        else:
            parts.append((name, tensor))
    numbers = draw.sample(range(10**5), len(parts))
    entries = []
    for (names, tensor), number in zip(parts, numbers, strict=True):
        new = f"tensor.{number:05d}"
        for name in names:
            made.sources.setdefault(name, []).append(new)
        if tensor.ndim == 2 and draw.random() < transposed:
            tensor = tensor.t()
            made.changed["transposed"] += 1
        elif tensor.ndim == 4 and draw.random() < transposed:
            tensor = tensor.permute(2, 3, 1, 0)
            made.changed["transposed"] += 1
        entries.append((new, tensor.contiguous()))
    draw.shuffle(entries)
    made.tensors = dict(entries)
    return made


def _joined(
    state: dict[str, Tensor], draw: random.Random, share: float, made: Scrambled
) -> list[tuple[list[str], Tensor]]:
    """The tensors, some of them two in one: of one shape, along the first axis."""
    kinds: dict[torch.Size, list[str]] = defaultdict(list)
    for name, tensor in state.items():
        if tensor.ndim >= 2 and not name.endswith(JOINT) and tensor.shape[0] > 1:
            kinds[tensor.shape].append(name)
    pairs: dict[str, str | None] = {}
    for names in kinds.values():
        draw.shuffle(names)
        for first, second in zip(names[::2], names[1::2], strict=False):
            if draw.random() < share:
                pairs[first], pairs[second] = second, None
                made.changed["joined"] += 1
    found = []
    for name, tensor in state.items():
        if name not in pairs:
            found.append(([name], tensor))
        elif (other := pairs[name]) is not None:
            found.append(([name, other], torch.cat([tensor, state[other]])))
    return found

"""What inputs hide: a model that is given nothing shows nothing, nor one whose rectifiers are dead or
whose softmaxes are decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .modules import is_closed, module_path

# Fewer units or rows say nothing: half of a rectifier's are closed for any one sample.
LEAST = 16
# The share of units or rows from which little is excited.
MOST = 0.9
# How near to 1 a softmax's largest value is when float32 shows nothing of its scale.
DECIDED = 1e-6


def idle(inputs: Sequence[Tensor]) -> Iterator[str]:
    """What is wrong with inputs that excite little, one sentence each.

    Floating-point inputs of one element say what they say, and so do integers and masks.
    """
    for index, tensor in enumerate(inputs):
        if not tensor.is_floating_point() or tensor.numel() == 0:
            continue
        name = f"inputs/{index}"
        # Floats of eight bits have no functions of their own.
        values = tensor.detach().float() if tensor.element_size() == 1 else tensor.detach()
        finite = torch.isfinite(values)
        if not bool(finite.all()):
            yield f"{name} holds {int((~finite).sum())} NaN or infinite values: they hide what is wrong"
        elif values.numel() < 2:
            continue
        elif not bool(values.any()):
            yield f"{name} is all zeros: weights that multiply it are never seen"
        elif bool((values == values.flatten()[0]).all()):
            yield f"{name} is the same value throughout: orders of axes and channels are never seen"
        elif values.dim() > 2 and values.shape[1] > 1:
            dead = [i for i in range(values.shape[1]) if not bool(values[:, i].any())]
            if dead:
                some = ", ".join(map(str, dead[:4])) + " ..." * (len(dead) > 4)
                yield f"{name} is all zeros at [:, {some}]: weights that multiply it are never seen"


def broken(outputs: Sequence[np.ndarray]) -> Iterator[str]:
    """Which outputs hold NaN, one sentence each: there is nothing to compare with."""
    for index, values in enumerate(outputs):
        if np.issubdtype(values.dtype, np.floating) and (count := int(np.isnan(values).sum())):
            yield f"outputs/{index} holds {count} NaN of {values.size} values"


_RECTIFIERS = (torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu, F.relu6)
_SOFTMAXES = (torch.softmax, Tensor.softmax, F.softmax)


@dataclass
class Excitation(TorchFunctionMode):
    """Looks at what rectifiers and softmaxes return while a model runs, modules or not.

    Attributes:
        dead: per module path, the rectifier's units that never opened, and all of them.
        decided: per module path, the softmax's rows with all weight on one entry, and all of them.
    """

    dead: dict[str, tuple[int, int]] = field(default_factory=dict)
    decided: dict[str, tuple[int, int]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if type(result) is not Tensor:
            return result
        if func in _RECTIFIERS:
            self._count(self.dead, *_dead(result))
        elif func in _SOFTMAXES:
            self._count(self.decided, *_decided(result, *args[1:2], **(kwargs or {})))
        return result

    def _count(self, found: dict[str, tuple[int, int]], hidden: int, total: int) -> None:
        path = self.paths[-1] if self.paths else ""
        before = found.get(path, (0, 0))
        found[path] = (before[0] + hidden, before[1] + total)

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Notes meanwhile which module is running."""
        handles = []

        def leave(*_: Any) -> None:
            self.paths.pop()

        for name, module in model.named_modules():
            if is_closed(module):
                continue
            path = module_path(model, name)
            handles += [
                module.register_forward_pre_hook(lambda *_, path=path: self.paths.append(path)),
                module.register_forward_hook(leave, always_call=True),
            ]
        try:
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def sentences(self) -> Iterator[str]:
        """What is wrong with what was seen, one sentence a kind."""
        kinds = [
            (self.dead, "rectifier units in {} never open: weights that multiply them are never seen"),
            (self.decided, "softmax rows in {} have all weight on one entry: scales and "
                           "weights of their scores are hardly seen"),
        ]
        for found, words in kinds:
            idle_ones = {
                path: counts for path, counts in found.items()
                if counts[1] >= LEAST and counts[0] >= MOST * counts[1]
            }
            if not idle_ones:
                continue
            names = [path or "the model" for path in idle_ones]
            some = ", ".join(names[:4]) + f" and {len(names) - 4} more" * (len(names) > 4)
            hidden = sum(counts[0] for counts in idle_ones.values())
            total = sum(counts[1] for counts in idle_ones.values())
            yield f"{hidden} of {total} {words.format(some)}"


def _dead(result: Tensor) -> tuple[int, int]:
    """How many of a rectifier's units, the channels of axis 1 or else the last axis, are zero
    throughout, and how many there are."""
    if not result.is_floating_point() or result.numel() == 0 or result.dim() < 1:
        return 0, 0
    axis = 1 if result.dim() in (2, 4, 5) else result.dim() - 1
    units = (result != 0).movedim(axis, 0).reshape(result.shape[axis], -1).any(1)
    return int((~units).sum()), units.numel()


def _decided(result: Tensor, dim: int | None = None, **options: Any) -> tuple[int, int]:
    """How many of a softmax's rows are decided, and how many there are."""
    dim = options.get("dim", dim)
    if dim is None or not result.is_floating_point() or result.numel() == 0:
        return 0, 0
    if result.dim() == 0 or result.shape[dim] < 2:
        return 0, 0
    rows = result.amax(dim) >= 1 - DECIDED
    return int(rows.sum()), rows.numel()

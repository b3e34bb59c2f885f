"""Tensors in what models take and return: alone, in tuples, lists, dictionaries, dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .storage import numpy_of


def members(value: Any) -> list[tuple[str, Any]] | None:
    """The named members of a container; None for anything else."""
    if isinstance(value, Mapping):
        return [(str(key), item) for key, item in value.items()]
    if isinstance(value, (tuple, list)):
        return [(str(index), item) for index, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name)) for f in dataclasses.fields(value)]
    return None


def has_names(value: Any) -> bool:
    """Whether a container's members have names rather than numbers."""
    return members(value) is not None and not isinstance(value, (tuple, list))


def flatten(value: Any) -> list[tuple[str, Tensor]]:
    """The tensors of a result with the suffix that names each: "" alone, `/0`, `/key`, `/0/1`.

    A tuple or list with a single tensor in it, like attention's (output, None), is that tensor.
    """
    if isinstance(value, Tensor):
        return [("", value)]
    items = members(value)
    if items is None:
        return []
    found = [(f"/{key}{suffix}", tensor) for key, item in items for suffix, tensor in flatten(item)]
    if len(found) == 1 and not has_names(value):
        return [("", found[0][1])]
    return found


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same value with each tensor in its tuples, lists and dictionaries changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(item, change) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(mapped(item, change) for item in value)
    return value


def storable(tensor: Tensor) -> np.ndarray | None:
    """The values of a tensor that a file can hold; None for complex, sparse, quantized ones."""
    if tensor.is_complex() or tensor.is_quantized or tensor.layout != torch.strided:
        return None
    return numpy_of(tensor)

"""Modules whose attributes know their names while a network is followed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from .numbers import Origin, holds_tracked, plain, tracked


@contextmanager
def tracked_attributes(model: nn.Module) -> Iterator[None]:
    """Numbers among modules' attributes, alone and in tuples, know their names."""
    kept: list[tuple[nn.Module, str, Any]] = []
    for module in model.modules():
        for name, value in list(vars(module).items()):
            made = _as_attribute(module, name, value)
            if made is not value:
                kept.append((module, name, value))
                vars(module)[name] = made
    try:
        yield
    finally:
        for module, name, value in kept:
            if holds_tracked(vars(module).get(name)):
                vars(module)[name] = value
        for module in model.modules():
            for name, value in list(vars(module).items()):
                if holds_tracked(value):
                    vars(module)[name] = plain(value)


def _as_attribute(module: nn.Module, name: str, value: Any) -> Any:
    if name.startswith("_"):
        return value
    if type(value) in (int, float):
        return tracked(value, Origin("attribute", module, (name, None, 1), True))
    if type(value) in (tuple, torch.Size) and value and all(type(x) in (int, float) for x in value):
        return type(value)(
            tracked(item, Origin("attribute", module, (name, index, len(value)), True))
            for index, item in enumerate(value)
        )
    return value

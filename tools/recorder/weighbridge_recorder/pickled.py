"""State dicts in PyTorch's own files, which may hold more than one, and much beside."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import ToolError

# Where training scripts put a state dict, in the order in which they are looked at.
WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "params")
# Where they put the averaged weights (an exponential moving average over training).
AVERAGES = (
    "ema", "model_ema", "ema_model", "ema_state_dict", "state_dict_ema", "ema_state",
    "model_ema_state_dict", "params_ema",
)


@dataclass
class Unwrapped:
    """A state dict, and what its reader should know about where it came from."""

    state: dict[str, Tensor]
    notes: list[str] = field(default_factory=list)


def read_pickled(path: Path, key: str | None = None) -> Unwrapped:
    """The state dict in a .pth, .pt, .ckpt or .bin file; only tensors are unpickled.

    Args:
        key: the member to take (`ema`, `checkpoint.model`), where the file holds several.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ToolError(
            f"{path} holds Python objects and not tensors alone, and is not unpickled: load it "
            "where its classes are, and torch.save(model.state_dict(), ...)"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        first = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise ToolError(f"{path} is no file that torch.load reads: {first[0]}") from error
    try:
        return unwrap(content, key)
    except ToolError as error:
        raise ToolError(f"{path}: {error}") from error


def unwrap(content: Any, key: str | None = None) -> Unwrapped:
    """Finds the state dict in what `torch.load` returned."""
    if key is not None:
        for part in key.split("."):
            if not isinstance(content, Mapping) or part not in content:
                raise ToolError(f"there is no {part} in it (--key {key}){_listing(content)}")
            content = content[part]
        return _tensors(content)
    if not isinstance(content, Mapping):
        raise ToolError(
            f"it holds a {type(content).__name__} and no state dict: "
            "torch.save(model.state_dict(), ...)"
        )
    averages = [name for name in AVERAGES if _holds_state(content.get(name))]
    for name in (*WRAPPERS, *averages):
        if not _holds_state(content.get(name)):
            continue
        found = unwrap(content[name])
        found.notes.insert(0, f"taken from its member '{name}'")
        others = [other for other in averages if other != name]
        if others:
            found.notes.append(
                f"it also holds averaged (EMA) weights: --key {others[0]} takes those instead"
            )
        elif name in AVERAGES:
            found.notes.append("these are averaged (EMA) weights; it holds no others")
        return found
    if _is_state(content):
        return _tensors(content)
    raise ToolError(f"there is no state dict in it{_listing(content)}; --key NAME says where")


def _is_state(value: Any) -> bool:
    """Whether this is a state dict itself: tensors by name, at most with some metadata beside."""
    return isinstance(value, Mapping) and any(isinstance(item, Tensor) for item in value.values())


def _holds_state(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return _is_state(value) or any(_holds_state(value.get(n)) for n in (*WRAPPERS, *AVERAGES))


def _tensors(content: Any) -> Unwrapped:
    if not _is_state(content):
        raise ToolError(f"this is no state dict{_listing(content)}")
    state = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    dropped = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    note = f"left out, no tensors: {', '.join(dropped[:5])}{' ...' * (len(dropped) > 5)}"
    return Unwrapped(state, [note] if dropped else [])


def _listing(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f": it is a {type(content).__name__}"
    names = [str(name) for name in content]
    return f": its members are {', '.join(names[:8])}{' ...' * (len(names) > 8)}"

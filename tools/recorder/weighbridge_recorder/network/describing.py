"""The recorded network as a whole: module tree, programs, constants, and what changes with inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..modules import aliases, is_wrapper, module_path, unwrapped
from ..nesting import flatten, mapped
from .checking import FORMAT, VERSION
from .frames import class_name, digest_of
from .tracing import Trace, Tracer


@dataclass
class Network:
    """A recorded network: what the entry `network` says, and the tensors beside it.

    Attributes:
        content: the JSON value, as NETWORK.md describes it.
        constants: the entries `constants/0`, `constants/1` ...
    """

    content: dict[str, Any]
    constants: list[np.ndarray] = field(default_factory=list)

    def text(self) -> str:
        return json.dumps(self.content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def describe(
    model: nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> Network:
    """Runs a network in eval mode, follows it, and says what it is. See NETWORK.md."""
    model = unwrapped(model)
    trace = _traced(model, arguments, keywords)
    content: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    content["framework"] = f"torch {torch.__version__}"
    content["arguments"] = _root_arguments(trace, arguments, keywords)
    digests: dict[str, int] = {}
    constants: list[np.ndarray] = []

    def numbered(digest: str) -> int:
        if digest not in digests:
            digests[digest] = len(constants)
            constants.append(trace.constants[digest])
        return digests[digest]

    programs: dict[str, int] = {}
    written: list[dict[str, Any]] = []
    calls: dict[str, list[int]] = {}
    for path, made in trace.calls.items():
        for program in made:
            program = _with_numbers(program, numbered)
            text = json.dumps(program, sort_keys=True)
            if text not in programs:
                programs[text] = len(written)
                written.append(program)
            calls.setdefault(path, []).append(programs[text])
    content["modules"] = _modules(model, calls, numbered, trace)
    content["programs"] = written
    content["constants"] = [
        {"shape": list(array.shape), "dtype": str(array.dtype)} for array in constants
    ]
    limits = [limit.written() for limit in trace.limits]
    content["variations"], more = _variations(model, arguments, keywords, trace)
    limits += more
    content["limits"] = _distinct(limits)
    return Network(content, constants)


def said(limit: Mapping[str, Any]) -> str:
    """A limit as one line: where, and what."""
    place = f"{limit['file']}:{limit['line']}, " if "line" in limit else ""
    return f"{place}module '{limit['module']}': {limit['text']}"


def _traced(model: nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Trace:
    # Networks that keep what they computed forget it here: every run computes the same.
    model.eval()
    given = mapped([list(arguments), dict(keywords)], lambda x: x.clone())
    return Tracer(model).run(*given)


def _distinct(limits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for limit in limits:
        found.setdefault(json.dumps(limit, sort_keys=True), limit)
    return list(found.values())


def _with_numbers(value: Any, numbered: Any) -> Any:
    """The same with constants by number instead of by digest."""
    if isinstance(value, dict):
        if set(value) == {"constant"}:
            return {"constant": numbered(value["constant"])}
        return {key: _with_numbers(item, numbered) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item, numbered) for item in value]
    return value


def _root_arguments(
    trace: Trace, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> list[Any]:
    """What the root is given, in the order of its inputs: entries of the reference, or plain values."""
    order = {id(x): i for i, (_, x) in enumerate(flatten([list(arguments), list(keywords.values())]))}

    def said(value: Any) -> Any:
        if isinstance(value, Tensor):
            return {"input": order[id(value)]}
        if isinstance(value, (tuple, list)):
            return [said(item) for item in value]
        if isinstance(value, Mapping):
            return {"dict": {str(key): said(item) for key, item in value.items()}}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        return {"opaque": type(value).__qualname__}

    names = [entry["name"] for entry in trace.calls[""][-1]["inputs"]]
    positional = list(arguments)
    found = []
    for index, name in enumerate(names):
        found.append(said(positional[index] if index < len(positional) else keywords[name]))
    return found


def _modules(
    model: nn.Module, calls: Mapping[str, list[int]], numbered: Any, trace: Trace
) -> list[dict[str, Any]]:
    """One entry for each module, in registration order."""
    again = {other: name for other, name in aliases(model).items()}
    found = []
    for name, module in model.named_modules(remove_duplicate=False):
        if is_wrapper(module):
            continue
        path = module_path(model, name)
        if name in again:
            found.append({"path": path, "same_as": module_path(model, again[name])})
            continue
        entry: dict[str, Any] = {"path": path, "class": class_name(module)}
        values = _attributes(module)
        if values:
            entry["attributes"] = values
        parameters = {
            key: _tensor(tensor) for key, tensor in module._parameters.items() if tensor is not None
        }
        if parameters:
            entry["parameters"] = parameters
        buffers = {}
        for key, tensor in module._buffers.items():
            if tensor is None:
                continue
            buffers[key] = _tensor(tensor)
            if key in module._non_persistent_buffers_set:
                digest, array = digest_of(tensor)
                trace.constants.setdefault(digest, array)
                buffers[key]["constant"] = numbered(digest)
        if buffers:
            entry["buffers"] = buffers
        entry["calls"] = calls.get(path, [])
        found.append(entry)
    return found


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}


def _attributes(module: nn.Module) -> dict[str, Any]:
    """Public attributes that JSON can hold: numbers, flags, names, sizes, dtypes."""
    found = {}
    for name, value in vars(module).items():
        if name.startswith("_") or name == "training":
            continue
        known, said = _attribute(value)
        if known:
            found[name] = said
    return found


def _attribute(value: Any) -> tuple[bool, Any]:
    if value is None or isinstance(value, (bool, str)):
        return True, value
    if isinstance(value, Enum):
        return _attribute(value.value)
    if isinstance(value, int):
        return True, int(value)
    if isinstance(value, float):
        special = {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(repr(float(value)))
        return True, {"float": special} if special else float(value)
    if isinstance(value, torch.dtype):
        return True, {"dtype": str(value).removeprefix("torch.")}
    if type(value) in (tuple, list, torch.Size) and len(value) <= 1024:
        parts = [_attribute(item) for item in value]
        return all(known for known, _ in parts), [said for _, said in parts]
    if callable(value) and hasattr(value, "__qualname__") and not isinstance(value, nn.Module):
        return True, {"function": f"{value.__module__}.{value.__qualname__}"}
    return False, None


def _variations(
    model: nn.Module, arguments: Sequence[Any], keywords: Mapping[str, Any], first: Trace
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The network followed again, with other values, another batch, another image size.

    What differs depends on the inputs in a way that the programs do not say.
    """
    entries, limits = [], []
    for kind, change in (("values", _other_values), ("batch", _other_batch), ("size", _other_size)):
        given = change([list(arguments), dict(keywords)])
        if given is None:
            continue
        shapes = [list(x.shape) for _, x in flatten([given[0], list(given[1].values())])]
        entry: dict[str, Any] = {"kind": kind, "shapes": shapes}
        try:
            other = _traced(model, *given)
        except Exception as error:  # whatever a network says to it
            said = str(error).strip().splitlines()
            entry |= {"result": "refused", "text": said[0][:200] if said else type(error).__name__}
            entries.append(entry)
            continue
        differing = [
            path for path in first.calls if first.calls[path] != other.calls.get(path)
        ] + [path for path in other.calls if path not in first.calls]
        entry["result"] = "differs" if differing else "same"
        if differing:
            entry["modules"] = differing
            limits += [_difference(kind, path, first, other) for path in differing[:100]]
        entries.append(entry)
    return entries, limits


_DIFFERENT = {
    "values": "the computation depends on the values of the inputs",
    "batch": "the computation is another one for another batch size",
    "size": "the computation is another one for another image size",
}


def _difference(kind: str, path: str, first: Trace, other: Trace) -> dict[str, Any]:
    """Where two runs of a module part, as a limit."""
    limit: dict[str, Any] = {"kind": kind, "module": path, "text": _DIFFERENT[kind]}
    for one, two in zip(first.calls.get(path, []), other.calls.get(path, []), strict=False):
        for left, right in zip(one["body"], two["body"], strict=False):
            if left != right:
                file = left.get("file", one.get("file"))
                if file is not None and "line" in left:
                    limit |= {"file": file, "line": left["line"]}
                return limit
        if one != two:
            return limit | {k: one[k] for k in ("file", "line") if k in one}
    return limit


def _other_values(given: Any) -> Any:
    return mapped(given, lambda x: x * 0.9 + 0.01 if x.is_floating_point() else x.clone())


def _batch(given: Any) -> int | None:
    sizes = {x.shape[0] for _, x in flatten([given[0], list(given[1].values())]) if x.dim() > 1}
    return sizes.pop() if len(sizes) == 1 else None


def _other_batch(given: Any) -> Any:
    batch = _batch(given)
    if batch is None:
        return None
    return mapped(
        given,
        lambda x: torch.cat([x, x[:1]]) if x.dim() > 0 and x.shape[0] == batch else x.clone(),
    )


def _other_size(given: Any) -> Any:
    """Images that are one and a half times as high and as wide."""
    tensors = [x for _, x in flatten([given[0], list(given[1].values())])]
    images = [x for x in tensors if x.dim() == 4 and x.is_floating_point()]
    if not images or any(x.dim() != 4 for x in tensors):
        return None

    def larger(x: Tensor) -> Tensor:
        for axis in (2, 3):
            x = torch.cat([x, x.narrow(axis, 0, x.shape[axis] // 2)], axis)
        return x

    return mapped(given, larger)

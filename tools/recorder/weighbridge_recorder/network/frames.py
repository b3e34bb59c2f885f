"""What is known while one call of a module runs: its values, where tensors come from, its program."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import weakref
from collections.abc import Mapping
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..nesting import flatten, members
from ..storage import numpy_of
from .numbers import Origin, origin, plain, tracked

Operand = Any
NOTHING, WEIGHTS, INPUTS = range(3)


@dataclasses.dataclass
class Limit:
    """Something that a program cannot express."""

    kind: str
    module: str
    text: str
    file: str | None = None
    line: int | None = None

    def written(self) -> dict[str, Any]:
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None}


class Tensors:
    """The tensors of a network and of its run, by identity.

    Attributes:
        names: id -> (module, name) of parameters and buffers.
        produced: id -> tensors that this run has made so far and that are still alive, and what
            each depends on: NOTHING, WEIGHTS or INPUTS.
        constants: digest -> values, of tensors that come from elsewhere.
    """

    def __init__(self, model: nn.Module) -> None:
        self.held = dict(_named(model))
        self.names: dict[int, list[str]] = {}
        for name, tensor in self.held.items():
            self.names.setdefault(id(tensor), []).append(name)
        self.inputs: frozenset[int] = frozenset()
        self.produced: dict[int, tuple[Any, int]] = {}
        self.constants: dict[str, np.ndarray] = {}

    def depends(self, values: Any) -> int:
        """What the tensors among some values depend on at most."""
        found = NOTHING
        for _, tensor in flatten(values):
            reference, level = self.produced.get(id(tensor), (None, NOTHING))
            if id(tensor) in self.inputs:
                return INPUTS
            if reference is not None and reference() is tensor:
                found = max(found, level)
            elif id(tensor) in self.names:
                found = max(found, WEIGHTS)
        return found

    def note(self, tensor: Tensor, level: int) -> None:
        """Notes a tensor that this run has made."""
        table, key = self.produced, id(tensor)
        table[key] = (weakref.ref(tensor, lambda _: table.pop(key, None)), level)

    def constant(self, tensor: Tensor) -> str:
        digest, array = digest_of(tensor)
        self.constants.setdefault(digest, array)
        return digest


def digest_of(tensor: Tensor) -> tuple[str, np.ndarray]:
    """What tells a tensor's values, shape and dtype from others', and the values."""
    array = np.array(numpy_of(tensor), order="C")
    name = str(tensor.dtype).removeprefix("torch.")
    text = f"{name} {array.shape}".encode()
    return hashlib.sha256(text + array.tobytes()).hexdigest(), array


def _share(left: Tensor, right: Tensor) -> bool:
    return left.untyped_storage().data_ptr() == right.untyped_storage().data_ptr()


def _named(model: nn.Module) -> list[tuple[str, Tensor]]:
    found = list(model.named_parameters(remove_duplicate=False))
    return found + list(model.named_buffers(remove_duplicate=False))


@dataclasses.dataclass
class Known:
    """A tensor's value in a frame.

    Attributes:
        operand, version: what it is, and the version of the tensor at which that holds.
        part: of a part of another tensor, which and at which index.
        writes: changes of its parts that came after `version`, oldest first.
    """

    tensor: Tensor
    operand: Operand
    version: int
    part: tuple[Tensor, Operand] | None = None
    writes: list[Write] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Write:
    """A part of a tensor was changed in place: from one version to another, to a value."""

    part: Tensor
    before: int
    after: int
    index: Operand
    instruction: dict[str, Any]
    value: Operand


class Frame:
    """One call of a module of the network."""

    def __init__(self, path: str, module: nn.Module, parent: Frame | None) -> None:
        self.path = path
        self.module = module
        self.parent = parent
        self.inputs: list[dict[str, Any]] = []
        self.body: list[dict[str, Any]] = []
        self.guards: list[dict[str, Any]] = []
        self.known: dict[int, Known] = {}
        self.source: dict[str, Any] = {}
        self.limits: list[Limit] = []
        self.callers: dict[int, FrameType] = {}

    @property
    def count(self) -> int:
        """How many values there are: inputs, then what each instruction gave."""
        return len(self.inputs) + len(self.body)

    def holds(self, value: Any, operand: Operand) -> Any:
        """Notes every tensor in a value under its operand; numbers come back with an origin."""
        if isinstance(value, Tensor):
            self.known[id(value)] = Known(value, operand, value._version)
            return value
        if type(value) in (int, float) or origin(value) is not None:
            return tracked(value, Origin("value", self, operand))
        if isinstance(value, (str, bytes)) or value is None:
            return value
        items = members(value)
        if items is None:
            return value
        is_sequence = isinstance(value, (tuple, list))
        kept = [
            self.holds(item, _item(operand, int(key) if is_sequence else key))
            for key, item in items
        ]
        is_changed = any(new is not item for new, (_, item) in zip(kept, items, strict=True))
        if is_changed and type(value) in (tuple, list, torch.Size):
            return type(value)(kept)
        return value

    def took(self, part: Any, whole: Any, index: Operand) -> None:
        """Notes that a tensor is a part of another's memory, as basic indexing gives it."""
        found = self.known.get(id(part))
        if found is not None and isinstance(whole, Tensor) and _share(part, whole):
            found.part = (whole, index)

    def changed(self, tensor: Tensor, old: Known | None) -> None:
        """Notes that the last instruction has changed a tensor in place."""
        found = self.known.get(id(tensor))
        if found is None or old is None or old.part is None:
            return
        found.part = old.part
        whole, index = old.part
        base = self.known.get(id(whole))
        if base is not None:
            write = Write(
                tensor, old.version, tensor._version, index, self.body[-1], found.operand
            )
            base.writes.append(write)

    def catch_up(self, found: Known) -> None:
        """Puts changes of a tensor's parts into its value, and those of a whole into its part."""
        while found.writes and found.writes[0].before == found.version:
            write = found.writes.pop(0)
            place = {k: v for k, v in write.instruction.items() if k in ("line", "file")}
            given = {"input": found.operand, "index": write.index, "value": write.value}
            found.operand = {"value": self.count}
            self.body.append({"call": "setitem", "arguments": given, "in_place": True, **place})
            found.version = write.after
        if found.part is None or found.version == found.tensor._version:
            return
        whole, index = found.part
        base = self.known.get(id(whole))
        if base is None:
            return
        self.catch_up(base)
        if base.version == whole._version:
            given = {"input": base.operand, "index": index}
            found.operand = {"value": self.count}
            self.body.append({"call": "getitem", "arguments": given})
            found.version = found.tensor._version

    def wrote_back(self, whole: Any, part: Any) -> None:
        """`x[i] += y` changes a part of x and then writes it into x, which changes nothing more."""
        found = self.known.get(id(whole))
        if found is None or not isinstance(part, Tensor):
            return
        own = [write for write in found.writes if write.part is part]
        if own and found.writes[-len(own) :] == own:
            del found.writes[-len(own) :]
            self.catch_up(found)
            if found.version == own[0].before and own[-1].after == whole._version:
                found.version = whole._version

    def name_values(self, caller: FrameType | None) -> None:
        """Gives values the names of the local variables that hold them."""
        if caller is not None:
            self.callers[id(caller)] = caller
        for frame in self.callers.values():
            for name, value in list(frame.f_locals.items()):
                if not isinstance(value, Tensor):
                    continue
                found = self.known.get(id(value))
                if found is None or not isinstance(found.operand, dict):
                    continue
                index, item = found.operand.get("value"), None
                if index is None and "item" in found.operand:
                    whole, item = found.operand["item"]
                    index = whole.get("value")
                if index is None or index < len(self.inputs):
                    continue
                instruction = self.body[index - len(self.inputs)]
                if item is None:
                    instruction.setdefault("name", name)
                else:
                    instruction.setdefault("names", {}).setdefault(str(item), name)

    def program(self, returns: Operand) -> dict[str, Any]:
        made: dict[str, Any] = {
            "class": class_name(self.module), **self.source, "inputs": self.inputs,
            "body": self.body, "returns": returns,
        }
        if self.guards:
            made["guards"] = self.guards
        return made


def _item(operand: Operand, key: int | str) -> Operand:
    return {"item": [operand, key]}


def class_name(module: nn.Module) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"


def relative(frame: Frame, path: str) -> dict[str, Any]:
    """A path below the frame's module, or one from the root."""
    if frame.path == "":
        return {"path": path}
    if path == frame.path or path.startswith(frame.path + "."):
        return {"path": path[len(frame.path) + 1 :]}
    return {"path": path, "from": "root"}


class Encoder:
    """Says values in a frame's terms."""

    def __init__(self, tensors: Tensors, paths: Mapping[int, str]) -> None:
        self.tensors = tensors
        self.paths = paths

    def operand(self, value: Any, frame: Frame) -> Operand:
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, float)):
            return self._number(value, frame)
        if isinstance(value, Tensor):
            return self._tensor(value, frame)
        if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
            return self._list(list(value), frame)
        if isinstance(value, slice):
            return {"slice": [self.operand(x, frame) for x in (value.start, value.stop, value.step)]}
        if value is Ellipsis:
            return {"ellipsis": True}
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        if isinstance(value, (torch.device, torch.memory_format, torch.layout)):
            return None
        if isinstance(value, np.generic):
            return self.operand(value.item(), frame)
        if isinstance(value, np.ndarray):
            return {"constant": self.tensors.constant(torch.from_numpy(np.array(value)))}
        items = members(value)
        if items is not None:
            return {"dict": {key: self.operand(item, frame) for key, item in items}}
        frame.limits.append(
            Limit("object", frame.path, f"a {type(value).__qualname__} is handed on, which no "
                  "program can hold")
        )
        return {"opaque": type(value).__qualname__}

    def _list(self, values: list[Any], frame: Frame) -> Operand:
        parts = [self.operand(item, frame) for item in values]
        # All items of one attribute, in order: the attribute.
        first = parts[0] if parts else None
        if isinstance(first, dict) and set(first) == {"item"}:
            whole = first["item"][0]
            owner = origin(values[0])
            size = owner.content[2] if owner is not None and owner.kind == "attribute" else None
            if size == len(parts) and parts == [_item(whole, i) for i in range(len(parts))]:
                return whole
        return parts

    def _number(self, value: int | float, frame: Frame) -> Operand:
        source = origin(value)
        said = None if source is None else self._said(source, frame)
        if said is not None:
            return said
        value = plain(value)
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
        return value

    def _said(self, source: Origin, frame: Frame) -> Operand | None:
        """An origin in the frame's terms; None where it cannot be said there."""
        if source.kind == "attribute":
            path = self.paths.get(id(source.scope))
            if path is None:
                return None
            place = relative(frame, path)
            name, index, _ = source.content
            whole: dict[str, Any] = {
                "attribute": f"{place['path']}.{name}" if place["path"] else name
            }
            if "from" in place:
                whole["from"] = place["from"]
            return whole if index is None else _item(whole, index)
        if source.kind == "op":
            operands = []
            for item in source.content:
                inner = origin(item)
                said = self._number(item, frame)
                if inner is not None and not isinstance(said, dict):
                    return None
                operands.append(said)
            return {"op": source.scope, "of": operands}
        if source.scope is not frame:
            return None
        return source.content

    def _is_foreign(self, tensor: Tensor) -> bool:
        """Whether another module has computed it in this run, from inputs or weights."""
        reference, level = self.tensors.produced.get(id(tensor), (None, NOTHING))
        return reference is not None and reference() is tensor and level != NOTHING

    def _tensor(self, tensor: Tensor, frame: Frame) -> Operand:
        found = frame.known.get(id(tensor))
        if found is not None:
            frame.catch_up(found)
            if tensor._version != found.version:
                frame.limits.append(
                    Limit("in-place", frame.path, "a tensor is used that was changed through "
                          "another name (a view of it, or in a module that it was given to)")
                )
            return found.operand
        names = self.tensors.names.get(id(tensor))
        if names is not None:
            own = [n for n in names if n.startswith(frame.path + ".") or not frame.path]
            place = relative(frame, (own or names)[0])
            return {"tensor": place["path"], **({"from": "root"} if "from" in place else {})}
        # What rests on neither inputs nor weights, as a cached table, is a constant.
        if self._is_foreign(tensor):
            frame.limits.append(
                Limit("escape", frame.path, "a tensor is used that another module has computed and "
                      "that was neither an argument nor a result")
            )
            return {"opaque": "tensor"}
        return {"constant": self.tensors.constant(tensor)}

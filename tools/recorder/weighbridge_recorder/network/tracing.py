"""One run of a network that remembers what each module's forward did.

Every call of a module gets a `Frame`; PyTorch's functions between are seen by a `TorchFunctionMode`,
by the names that the Python calls them by. What Python itself does with numbers is seen by the numbers
(numbers.py); what it does with values of tensors is not, and is a limit.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..modules import is_wrapper, module_path
from ..nesting import flatten, mapped
from . import numbers
from .attributes import tracked_attributes
from .conversions import kept_origins
from .frames import INPUTS, Encoder, Frame, Limit, Tensors, relative
from .functions import normalised, own_name
from .numbers import Origin, plain, tracked
from .sources import TORCH, caller_of, file_of, source_of
from .vocabulary import ABOUT, READS, SAME


@dataclass
class Trace:
    """What one run of a network did.

    Attributes:
        calls: path -> the programs of its calls, in order.
        constants: digest -> values of tensors that come from elsewhere.
    """

    calls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    output: Any = None


class _Mode(TorchFunctionMode):
    def __init__(self, tracer: Tracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_function__(
        self, function: Any, types: Any, arguments: Any = (), keywords: Any = None
    ) -> Any:
        return self.tracer.function(function, tuple(arguments), dict(keywords or {}))


class Tracer:
    """Follows one run; `run` gives the trace."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.tensors = Tensors(model)
        self.paths = {
            id(module): module_path(model, name)
            for name, module in model.named_modules()
            if not is_wrapper(module)
        }
        self.encoder = Encoder(self.tensors, self.paths)
        self.stack: list[Frame] = []
        self.trace = Trace()
        self.signatures: dict[type, inspect.Signature] = {}
        # Whether one of PyTorch's own functions runs: what it asks of numbers is its own affair.
        self.is_inside = False

    @torch.no_grad()
    def run(self, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Trace:
        call = nn.Module.__call__
        tracer = self
        self.tensors.inputs = frozenset(id(x) for _, x in flatten([list(arguments), dict(keywords)]))

        def watched(module: nn.Module, *given: Any, **named: Any) -> Any:
            if id(module) not in tracer.paths:
                return call(module, *given, **named)
            return tracer.module(call, module, given, named)

        with (
            tracked_attributes(self.model),
            kept_origins(self.model),
            torch.compiler.set_stance("force_eager"),
        ):
            numbers.listen(self._compared)
            nn.Module.__call__ = watched  # type: ignore[method-assign]
            try:
                with _Mode(self):
                    self.trace.output = self.model(*arguments, **keywords)
            finally:
                nn.Module.__call__ = call  # type: ignore[method-assign]
                numbers.listen(None)
        self.trace.constants = self.tensors.constants
        return self.trace

    # Modules

    def module(self, call: Any, module: nn.Module, given: Any, named: Any) -> Any:
        """One call of a module of the network: a frame of its own."""
        parent = self.stack[-1] if self.stack else None
        frame = Frame(self.paths[id(module)], module, parent)
        with torch._C.DisableTorchFunction():
            caller = caller_of(sys._getframe(2))
            bound = self._bound(module, given, named)
            outer = {}
            if parent is not None:
                parent.name_values(caller)
                outer = {
                    name: self.encoder.operand(value, parent) for name, value in bound.items()
                }
            versions = {id(t): t._version for _, t in flatten(list(bound.values()))}
            given, named = self._enter(frame, bound, given, named)
            frame.source = source_of(type(module).forward)
        self.stack.append(frame)
        try:
            result = call(module, *given, **named)
        finally:
            self.stack.pop()
        with torch._C.DisableTorchFunction():
            frame.name_values(None)
            program = frame.program(self.encoder.operand(result, frame))
            self._close(frame, program)
            if parent is not None:
                result = _fresh(result, parent, versions)
                place = relative(parent, frame.path)
                instruction = {"module": place["path"], "arguments": outer}
                if "from" in place:
                    instruction["from"] = place["from"]
                result = self._note(parent, instruction, result, caller)
        return result

    def _close(self, frame: Frame, program: dict[str, Any]) -> None:
        self.trace.calls.setdefault(frame.path, []).append(program)
        self.trace.limits += frame.limits
        frame.callers.clear()
        frame.known.clear()

    def _bound(self, module: nn.Module, given: Any, named: Any) -> dict[str, Any]:
        """The arguments by name; those that a star takes under their numbers."""
        kind = type(module)
        if kind not in self.signatures:
            self.signatures[kind] = inspect.signature(module.forward)
        signature = self.signatures[kind]
        try:
            bound = signature.bind(*given, **named)
        except TypeError:
            return {**{str(i): value for i, value in enumerate(given)}, **named}
        found: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            match signature.parameters[name].kind:
                case inspect.Parameter.VAR_POSITIONAL:
                    found |= {f"{name}.{i}": item for i, item in enumerate(value)}
                case inspect.Parameter.VAR_KEYWORD:
                    found |= value
                case _:
                    found[name] = value
        return found

    def _enter(self, frame: Frame, bound: dict[str, Any], given: Any, named: Any) -> Any:
        """Notes the arguments as the frame's first values; numbers among them get their origin."""
        replaced: dict[int, Any] = {}
        for index, (name, value) in enumerate(bound.items()):
            entry: dict[str, Any] = {"name": name}
            if value is None or isinstance(value, (bool, str)):
                entry["is"] = value
            frame.inputs.append(entry)
        for index, value in enumerate(bound.values()):
            made = frame.holds(value, {"value": index})
            if made is not value:
                replaced[index] = made
        if not replaced:
            return given, named
        names = list(bound)
        return (
            tuple(replaced.get(index, value) for index, value in enumerate(given)),
            {
                name: replaced.get(names.index(name), value) if name in bound else value
                for name, value in named.items()
            },
        )

    # Functions

    def function(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """One of PyTorch's functions, called between modules."""
        name = own_name(function)
        frame = self.stack[-1] if self.stack else None
        if frame is None:
            return function(*arguments, **keywords)
        handled, result = self._told(function, name, arguments, keywords, frame)
        if handled:
            return result
        caller = caller_of(sys._getframe(2))
        frame.name_values(caller)
        if name == "__setitem__":
            frame.wrote_back(arguments[0], arguments[2])
        before = self._before(arguments, keywords, frame)
        level = self.tensors.depends([list(arguments), list(keywords.values())])
        reads = name in READS and level == INPUTS
        limits = len(frame.limits)
        self.is_inside = True
        try:
            result = function(*arguments, **keywords)
        finally:
            self.is_inside = False
        if reads:
            self._limit(frame, caller, "control-flow", f"Python reads a tensor's values: {name}")
        if not _holds_tensor(result) and name not in ("__setitem__",):
            return result
        if own_name(function) == "__get__":
            return result
        call = normalised(function, arguments, keywords, result)
        del frame.limits[limits:]
        instruction: dict[str, Any] = {"call": call.name}
        if call.positional is not None:
            instruction["positional"] = [before(value, frame) for value in call.positional]
            kind = "custom-operator" if call.name.startswith("torch.ops.") else "function"
            self._limit(frame, caller, kind, f"{call.name} is not in the vocabulary")
        instruction["arguments"] = {k: before(v, frame) for k, v in call.arguments.items()}
        self._place_limits(frame, limits, caller)
        if call.is_random:
            self._limit(frame, caller, "random", f"{call.name} gives another result each time")
        if call.changes is not None:
            instruction["in_place"] = True
            if id(call.changes) in self.tensors.names:
                self._limit(frame, caller, "in-place", "a parameter or buffer is changed")
            old = frame.known.get(id(call.changes))
            changed = self._note(frame, instruction, call.changes, caller, level)
            frame.changed(changed, old)
            return None if name == "__setitem__" else result
        result = self._note(frame, instruction, result, caller, level)
        if call.name == "getitem":
            frame.took(result, call.arguments["input"], instruction["arguments"]["index"])
        return result

    def _before(self, arguments: Any, keywords: Any, frame: Frame) -> Any:
        """Operands of tensors as they are now: the function may change them in place."""
        seen = {}
        for _, tensor in flatten([list(arguments), list(keywords.values())]):
            mark = len(frame.limits)
            operand = self.encoder.operand(tensor, frame)
            seen[id(tensor)] = (operand, frame.limits[mark:])
            del frame.limits[mark:]

        def said(value: Any, frame: Frame) -> Any:
            if isinstance(value, Tensor) and id(value) in seen:
                operand, limits = seen[id(value)]
                frame.limits.extend(limits)
                return operand
            if type(value) in (list, tuple) and any(isinstance(x, (Tensor, list, tuple)) for x in value):
                return [said(item, frame) for item in value]
            return self.encoder.operand(value, frame)

        return said

    def _told(
        self, function: Any, name: str, arguments: Any, keywords: Any, frame: Frame
    ) -> tuple[bool, Any]:
        """Questions about tensors, answered with numbers that know their origin."""
        if name in ("shape", "size"):
            result = function(*arguments, **keywords)
            tensor = arguments[0] if arguments else keywords["self"]
            return True, self._sizes(tensor, result, arguments[1:], keywords, frame)
        if name in ("numel", "nelement"):
            result = function(*arguments, **keywords)
            sizes = self._sizes(arguments[0], arguments[0].shape, (), {}, frame)
            for size in sizes[1:]:
                result = size if result is None else result
            product: Any = sizes[0] if sizes else result
            for size in sizes[1:]:
                product = product * size
            return True, product
        if name in SAME and arguments and isinstance(arguments[0], Tensor):
            operand = self.encoder.operand(arguments[0], frame)
            result = function(*arguments, **keywords)
            if isinstance(result, Tensor):
                frame.holds(result, operand)
                self.tensors.note(result, self.tensors.depends(list(arguments)))
            return True, result
        if name in ABOUT and name != "type":
            return True, function(*arguments, **keywords)
        return False, None

    def _sizes(
        self, tensor: Tensor, result: Any, rest: Any, keywords: Any, frame: Frame
    ) -> Any:
        if tensor.is_nested or not isinstance(result, (torch.Size, int)):
            return result
        mark = len(frame.limits)
        operand = self.encoder.operand(tensor, frame)
        del frame.limits[mark:]
        if not isinstance(operand, dict) or "constant" in operand or "opaque" in operand:
            return result
        is_fixed = "tensor" in operand

        def size(axis: int, value: int) -> Any:
            return tracked(value, Origin("size", frame, {"size": [operand, axis]}, is_fixed))

        if isinstance(result, torch.Size):
            return torch.Size(size(axis, value) for axis, value in enumerate(result))
        axis = plain(rest[0] if rest else keywords.get("dim", 0))
        return size(axis % tensor.dim(), result)

    # Notes

    def _note(
        self, frame: Frame, instruction: dict[str, Any], result: Any, caller: FrameType | None,
        level: int | None = None,
    ) -> Any:
        """Adds an instruction whose value is `result`.

        Without a level, what is known of a tensor stays, and of others the most is assumed.
        """
        index = frame.count
        if caller is not None and not caller.f_code.co_filename.startswith(TORCH):
            file = file_of(caller)
            if file != frame.source.get("file"):
                instruction["file"] = file
            instruction["line"] = caller.f_lineno
        frame.body.append(instruction)
        result = frame.holds(result, {"value": index})
        for _, tensor in flatten([result]):
            if level is not None or id(tensor) not in self.tensors.produced:
                self.tensors.note(tensor, INPUTS if level is None else level)
        return result

    def _compared(self, name: str, left: Any, right: Any, result: bool) -> None:
        if not self.stack or self.is_inside:
            return
        frame = self.stack[-1]
        with torch._C.DisableTorchFunction():
            sides = [self.encoder.operand(left, frame), self.encoder.operand(right, frame)]
        guard = {"compare": name, "is": result, "of": sides}
        if any(isinstance(item, dict) for item in sides) and guard not in frame.guards:
            frame.guards.append(guard)

    def _limit(self, frame: Frame, caller: FrameType | None, kind: str, text: str) -> None:
        frame.limits.append(Limit(kind, frame.path, text))
        self._place_limits(frame, len(frame.limits) - 1, caller)

    def _place_limits(self, frame: Frame, start: int, caller: FrameType | None) -> None:
        for limit in frame.limits[start:]:
            if limit.line is None and caller is not None:
                limit.file, limit.line = file_of(caller), caller.f_lineno


def _fresh(result: Any, parent: Frame, versions: dict[int, int]) -> Any:
    """What a module hands back unchanged gets a name of its own; what it changed keeps its name."""

    def change(tensor: Tensor) -> Tensor:
        is_known = id(tensor) in parent.known
        if is_known and versions.get(id(tensor), tensor._version) == tensor._version:
            return tensor.detach()
        return tensor

    is_plain = isinstance(result, Tensor) or type(result) in (tuple, list, dict)
    if is_plain and any(id(tensor) in parent.known for _, tensor in flatten(result)):
        return mapped(result, change)
    return result


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, Tensor):
        return True
    return isinstance(value, (tuple, list)) and any(_holds_tensor(item) for item in value)

"""Runs a recorded network from its text, with PyTorch's functions and nothing of the network's code.

The proof that a recording says everything: what comes out is what the network itself computed. It is
also the plainest statement of how the format is meant; every instruction is evaluated in order, and
no value is ever changed in place.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Visit = Callable[[str, int, Any], None]

_NUMBERS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "pow": operator.pow, "neg": operator.neg,
    "abs": abs, "floor": lambda x: x.__floor__(), "ceil": lambda x: x.__ceil__(),
}
_OPERATORS: dict[str, Callable[..., Any]] = {
    "sub": operator.sub, "div": operator.truediv, "pow": operator.pow, "add": operator.add,
    "mul": operator.mul, "floor_divide": operator.floordiv, "remainder": operator.mod,
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt,
    "ge": operator.ge,
}


class Replay:
    """A network made of its recording and its weights."""

    def __init__(
        self, content: Mapping[str, Any], weights: Mapping[str, Tensor],
        constants: Sequence[Tensor], visit: Visit | None = None,
    ) -> None:
        self.content = content
        self.constants = constants
        self.visit = visit
        self.modules: dict[str, Any] = {}
        for entry in content["modules"]:
            same = entry.get("same_as")
            self.modules[entry["path"]] = entry if same is None else self.modules[same]
        self.tensors = dict(weights)
        for entry in content["modules"]:
            for name, buffer in entry.get("buffers", {}).items():
                if "constant" in buffer:
                    path = f"{entry['path']}.{name}" if entry["path"] else name
                    self.tensors[path] = constants[buffer["constant"]]
        self.calls: dict[str, int] = {}

    @torch.no_grad()
    def run(self, inputs: Sequence[Tensor]) -> Any:
        self.calls.clear()
        return self.call("", [self._argument(item, inputs) for item in self.content["arguments"]])

    def _argument(self, said: Any, inputs: Sequence[Tensor]) -> Any:
        if isinstance(said, list):
            return [self._argument(item, inputs) for item in said]
        if isinstance(said, dict) and "input" in said:
            return inputs[said["input"]]
        if isinstance(said, dict):
            return {key: self._argument(item, inputs) for key, item in said["dict"].items()}
        return said

    def call(self, path: str, given: Sequence[Any]) -> Any:
        """One call of a module: its next program."""
        module = self.modules[path]
        path = module["path"]
        number = self.calls.get(path, 0)
        self.calls[path] = number + 1
        program = self.content["programs"][module["calls"][number]]
        values = list(given)
        for guard in program.get("guards", []):
            assert self._guard(guard, values, path), f"{path}: another path: {guard}"
        for instruction in program["body"]:
            values.append(self._instruction(instruction, values, path))
        result = self.evaluate(program["returns"], values, path)
        if self.visit is not None:
            self.visit(path, number, result)
        return result

    def _guard(self, guard: Mapping[str, Any], values: Sequence[Any], path: str) -> bool:
        try:
            left, right = (self.evaluate(item, values, path) for item in guard["of"])
        except IndexError:  # of a value that comes later
            return True
        return bool(_OPERATORS[guard["compare"]](left, right)) == guard["is"]

    def _instruction(self, instruction: Mapping[str, Any], values: list[Any], path: str) -> Any:
        given = {k: self.evaluate(v, values, path) for k, v in instruction["arguments"].items()}
        if "module" in instruction:
            return self.call(_absolute(instruction, "module", path), list(given.values()))
        assert "positional" not in instruction, f"{path}: {instruction['call']} is not known"
        return apply(instruction["call"], given)

    def evaluate(self, said: Any, values: Sequence[Any], path: str) -> Any:
        """An operand's value in a program of the module at `path`."""
        if isinstance(said, list):
            return [self.evaluate(item, values, path) for item in said]
        if not isinstance(said, dict):
            return said
        ((kind, content),) = ((k, v) for k, v in said.items() if k not in ("from", "of"))
        match kind:
            case "value":
                return values[content]
            case "item":
                return self.evaluate(content[0], values, path)[content[1]]
            case "tensor":
                return self.tensors[_absolute(said, "tensor", path)]
            case "constant":
                return self.constants[content]
            case "attribute":
                owner, _, name = _absolute(said, "attribute", path).rpartition(".")
                return self.evaluate(self.modules[owner]["attributes"][name], (), path)
            case "size":
                return self.evaluate(content[0], values, path).shape[content[1]]
            case "op":
                return _NUMBERS[content](*self.evaluate(said["of"], values, path))
            case "float":
                return float(content)
            case "dtype":
                return getattr(torch, content)
            case "slice":
                return slice(*self.evaluate(content, values, path))
            case "ellipsis":
                return Ellipsis
            case "dict":
                return {k: self.evaluate(v, values, path) for k, v in content.items()}
        raise AssertionError(f"{path}: {said} cannot be replayed")


def _absolute(said: Mapping[str, Any], kind: str, path: str) -> str:
    name = said[kind]
    return name if said.get("from") == "root" or not path else f"{path}.{name}" if name else path


def _index(index: Any) -> Any:
    return tuple(index) if isinstance(index, list) else index


def _cast(a: dict[str, Any]) -> Tensor:
    return a["input"].to(a["dtype"])


def _set(a: dict[str, Any]) -> Tensor:
    made = a["input"].clone()
    made[_index(a["index"])] = a["value"]
    return made


def _copied(a: dict[str, Any]) -> Tensor:
    return torch.as_tensor(a["src"]).expand_as(a["input"]).to(a["input"].dtype).clone()


def _extremum(name: str, a: dict[str, Any]) -> Any:
    if a["dim"] is None:
        return getattr(torch, name)(a["input"])
    return getattr(torch, name)(a["input"], a["dim"], a["keepdim"])


def _reduced(name: str, a: dict[str, Any]) -> Any:
    rest = {k: v for k, v in a.items() if v is not None and (k, a["dim"]) != ("keepdim", None)}
    return getattr(torch, name)(**rest)


_METHODS = {
    "expand": "sizes", "repeat": "repeats", "permute": "dims", "reshape": "shape", "flip": "dims",
}
_SPECIAL: dict[str, Callable[[dict[str, Any]], Any]] = {
    "getitem": lambda a: a["input"][_index(a["index"])],
    "setitem": _set,
    "to": _cast,
    "contiguous": lambda a: a["input"].contiguous(),
    "clone": lambda a: a["input"].clone(),
    "detach": lambda a: a["input"],
    "copy": _copied,
    "fill": lambda a: torch.full_like(a["input"], a["value"]),
    "expand_as": lambda a: a["input"].expand_as(a["other"]),
    "view_as": lambda a: a["input"].view_as(a["other"]),
    "unfold_dim": lambda a: a["input"].unfold(a["dimension"], a["size"], a["step"]),
    "einsum": lambda a: torch.einsum(a["equation"], *a["operands"]),
    "meshgrid": lambda a: torch.meshgrid(*a["tensors"], indexing=a["indexing"]),
    "split": lambda a: torch.split(a["input"], a["split_size_or_sections"], a["dim"]),
    "unflatten": lambda a: a["input"].unflatten(a["dim"], a["sizes"]),
    "squeeze": lambda a: a["input"].squeeze(*[] if a["dim"] is None else [a["dim"]]),
    "max": lambda a: _extremum("max", a),
    "min": lambda a: _extremum("min", a),
    "median": lambda a: _extremum("median", a),
    "vector_norm": lambda a: torch.linalg.vector_norm(
        a["input"], a["ord"], a["dim"], a["keepdim"], dtype=a["dtype"]
    ),
    "batch_norm": lambda a: F.batch_norm(**a),
    "weight_norm": lambda a: torch._weight_norm(a["v"], a["g"], a["dim"]),
    "one_hot": lambda a: F.one_hot(a["input"], a["num_classes"]),
    "zeros": lambda a: torch.zeros(a["size"], dtype=a["dtype"]),
    "ones": lambda a: torch.ones(a["size"], dtype=a["dtype"]),
    "empty": lambda a: torch.zeros(a["size"], dtype=a["dtype"]),
    "eye": lambda a: torch.eye(*[x for x in (a["n"], a["m"]) if x is not None], dtype=a["dtype"]),
    "new_zeros": lambda a: a["input"].new_zeros(a["size"], dtype=a["dtype"]),
    "new_ones": lambda a: a["input"].new_ones(a["size"], dtype=a["dtype"]),
    "lstm": lambda a: torch.lstm(*a.values()),
    "gru": lambda a: torch.gru(*a.values()),
}


def apply(name: str, a: dict[str, Any]) -> Any:
    """A function of the vocabulary."""
    if name in _SPECIAL:
        return _SPECIAL[name](a)
    if name in _METHODS:
        return getattr(a["input"], name)(*a[_METHODS[name]])
    if name in _OPERATORS and not isinstance(a["input"], Tensor):
        return _OPERATORS[name](a["input"], a["other"] if "other" in a else a["exponent"])
    if "dim" in a and name in ("sum", "prod", "any", "all", "argmax", "argmin", "norm"):
        return _reduced(name, a)
    if name in ("add", "sub") and a["alpha"] == 1:
        return getattr(torch, name)(a["input"], a["other"])
    if name == "pow":
        return torch.pow(a["input"], a["exponent"])
    for library in (F, torch):
        function = getattr(library, name, None)
        if function is not None:
            return function(**a)
    raise AssertionError(f"{name} cannot be replayed")

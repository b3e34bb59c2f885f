"""Holds the text of a recorded network against the format: everything that NETWORK.md says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .vocabulary import SWAPPED, VOCABULARY

FORMAT = "weighbridge-network"
VERSION = 1
DEPTH_LIMIT = 64
OPERATIONS = {
    "add": 2, "sub": 2, "mul": 2, "div": 2, "floordiv": 2, "mod": 2, "pow": 2, "neg": 1, "abs": 1,
    "floor": 1, "ceil": 1,
}
COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
LIMITS = {
    "control-flow", "custom-operator", "function", "random", "in-place", "escape", "object",
    "values", "batch", "size",
}
FLOATS = {"inf", "-inf", "nan"}


class _Wrong(Exception):
    """What is wrong, at the place that is being looked at."""


def check(content: Any) -> list[str]:
    """What is wrong with a recorded network, one line each; empty when it is sound."""
    try:
        return list(_Check(content).problems())
    except _Wrong as error:
        return [str(error)]


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise _Wrong(text)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class _Check:
    def __init__(self, content: Any) -> None:
        _require(isinstance(content, dict), "the network is no JSON object")
        _require(content.get("format") == FORMAT, f"its format is not {FORMAT}")
        _require(
            content.get("version") == VERSION,
            f"it is of version {content.get('version')!r}; this reads {VERSION}",
        )
        for key in ("modules", "programs", "constants", "arguments", "limits"):
            _require(isinstance(content.get(key), list), f"{key} is no list")
        self.content = content
        self.modules: dict[str, dict[str, Any]] = {}
        self.programs: list[Any] = content["programs"]
        self.expected: Counter[str] = Counter({"": 1})

    def problems(self) -> Iterator[str]:
        yield from self._tree()
        for path, module in self.modules.items():
            if "same_as" in module:
                continue
            for number in module["calls"]:
                program = self.programs[number]
                try:
                    self._program(program, path)
                except _Wrong as error:
                    yield f"program {number}, of the module '{path}': {error}"
        yield from self._counts()
        for index, limit in enumerate(self.content["limits"]):
            if not isinstance(limit, dict) or limit.get("kind") not in LIMITS:
                yield f"limit {index} is of no known kind"
        for index, said in enumerate(self.content["arguments"]):
            try:
                self._argument(said, 0)
            except _Wrong as error:
                yield f"argument {index}: {error}"

    # The tree

    def _tree(self) -> Iterator[str]:
        for index, module in enumerate(self.content["modules"]):
            _require(isinstance(module, dict), f"module {index} is no object")
            path = module.get("path")
            _require(isinstance(path, str), f"module {index} has no path")
            _require(path not in self.modules, f"there are two modules '{path}'")
            parent = path.rpartition(".")[0]
            _require(path == "" or parent in self.modules, f"'{path}' comes before '{parent}'")
            if "same_as" in module:
                known = self.modules.get(module["same_as"])
                _require(
                    known is not None and "same_as" not in known,
                    f"'{path}' is the same as '{module['same_as']}', which does not precede it",
                )
            else:
                self._module(path, module)
            self.modules[path] = module
        _require("" in self.modules, "there is no root")
        yield from ()

    def _module(self, path: str, module: dict[str, Any]) -> None:
        _require(isinstance(module.get("class"), str), f"'{path}' has no class")
        calls = module.get("calls")
        _require(isinstance(calls, list), f"'{path}' has no list of calls")
        for number in calls or []:
            _require(
                _is_count(number) and number < len(self.programs),
                f"'{path}' calls program {number} of {len(self.programs)}",
            )
        for kind in ("parameters", "buffers"):
            for name, tensor in module.get(kind, {}).items():
                shape = tensor.get("shape")
                _require(
                    isinstance(shape, list) and all(map(_is_count, shape)),
                    f"'{path}' has a tensor {name} without a shape",
                )
                constant = tensor.get("constant", 0)
                _require(
                    "constant" not in tensor or self._has_constant(constant),
                    f"'{path}' keeps {name} as constant {constant}, which is not there",
                )

    def _has_constant(self, number: Any) -> bool:
        return _is_count(number) and number < len(self.content["constants"])

    def _counts(self) -> Iterator[str]:
        """How often a module is called is how many programs it has."""
        for path, module in self.modules.items():
            if "same_as" not in module and self.expected[path] != len(module["calls"]):
                yield (
                    f"'{path}' is called {self.expected[path]} times and has "
                    f"{len(module['calls'])} calls"
                )

    # Programs

    def _program(self, program: Any, path: str) -> None:
        _require(isinstance(program, dict), "it is no object")
        for key in ("inputs", "body"):
            _require(isinstance(program.get(key), list), f"it has no list of {key}")
        count = len(program["inputs"])
        for index, instruction in enumerate(program["body"]):
            try:
                self._instruction(instruction, count + index, path)
            except _Wrong as error:
                raise _Wrong(f"instruction {index}: {error}") from error
        total = count + len(program["body"])
        self._operand(program.get("returns"), total, path, 0)
        for guard in program.get("guards", []):
            _require(guard.get("compare") in COMPARISONS, "a guard compares in no known way")
            _require(isinstance(guard.get("is"), bool), "a guard expects neither true nor false")
            for side in guard["of"]:
                self._operand(side, total, path, 0)

    def _instruction(self, instruction: Any, count: int, path: str) -> None:
        _require(isinstance(instruction, dict), "it is no object")
        arguments = instruction.get("arguments")
        _require(isinstance(arguments, dict), "it has no arguments")
        for said in [*arguments.values(), *instruction.get("positional", [])]:
            self._operand(said, count, path, 0)
        if "module" in instruction:
            target = self._absolute(instruction, "module", path)
            known = self.modules.get(target)
            _require(known is not None, f"it calls '{target}', which is not there")
            assert known is not None
            target = known.get("same_as", target)
            self.expected[target] += 1
            for number in self.modules[target]["calls"]:
                wanted = len(self.programs[number]["inputs"])
                _require(
                    wanted == len(arguments) or len(self.modules[target]["calls"]) > 1,
                    f"'{target}' takes {wanted} arguments and is given {len(arguments)}",
                )
            return
        name = instruction.get("call")
        _require(isinstance(name, str), "it calls neither a module nor a function")
        if "positional" in instruction:
            return
        signature = VOCABULARY.get(str(name))
        _require(signature is not None and name not in SWAPPED, f"there is no function {name}")
        assert signature is not None
        wanted_names = list(signature.parameters)
        _require(
            list(arguments) == wanted_names,
            f"{name} takes {', '.join(wanted_names)} and is given {', '.join(arguments)}",
        )

    def _absolute(self, said: Mapping[str, Any], kind: str, path: str) -> str:
        name = said[kind]
        _require(isinstance(name, str), f"a {kind} is not named by a text")
        if said.get("from") == "root" or path == "":
            return name
        return f"{path}.{name}" if name else path

    # Operands

    def _operand(self, said: Any, count: int, path: str, depth: int) -> None:
        _require(depth <= DEPTH_LIMIT, f"operands are nested deeper than {DEPTH_LIMIT}")
        if said is None or isinstance(said, (bool, int, float, str)):
            return
        if isinstance(said, list):
            for item in said:
                self._operand(item, count, path, depth + 1)
            return
        kinds = [key for key in said if key not in ("from", "of")]
        _require(len(kinds) == 1 and kinds[0] in _OPERANDS, f"an operand says {sorted(said)}")
        _require(
            "from" not in said or (said["from"] == "root" and kinds[0] in ("tensor", "attribute")),
            "only tensors and attributes are from the root",
        )
        _require(("of" in said) == (kinds[0] == "op"), "only operations are of something")
        _OPERANDS[kinds[0]](self, said, count, path, depth)

    def _value(self, said: Any, count: int, path: str, depth: int) -> None:
        number = said["value"]
        _require(
            _is_count(number) and number < count, f"value {number} is used where {count} are known"
        )

    def _item(self, said: Any, count: int, path: str, depth: int) -> None:
        pair = said["item"]
        _require(isinstance(pair, list) and len(pair) == 2, "an item is of one value, by one key")
        self._operand(pair[0], count, path, depth + 1)
        _require(isinstance(pair[1], str) or _is_count(pair[1]), "an item's key is no key")

    def _tensor(self, said: Any, count: int, path: str, depth: int) -> None:
        owner, _, name = self._absolute(said, "tensor", path).rpartition(".")
        module = self.modules.get(owner, {})
        module = self.modules.get(module.get("same_as", owner), module)
        known = {**module.get("parameters", {}), **module.get("buffers", {})}
        _require(name in known, f"'{owner}' has no tensor {name}")

    def _constant(self, said: Any, count: int, path: str, depth: int) -> None:
        _require(self._has_constant(said["constant"]), f"there is no constant {said['constant']}")

    def _attribute(self, said: Any, count: int, path: str, depth: int) -> None:
        owner, _, name = self._absolute(said, "attribute", path).rpartition(".")
        module = self.modules.get(owner, {})
        _require(name in module.get("attributes", {}), f"'{owner}' has no attribute {name}")

    def _size(self, said: Any, count: int, path: str, depth: int) -> None:
        pair = said["size"]
        _require(isinstance(pair, list) and len(pair) == 2, "a size is of one tensor, on one axis")
        self._operand(pair[0], count, path, depth + 1)
        _require(_is_count(pair[1]), "a size's axis is no number")

    def _operation(self, said: Any, count: int, path: str, depth: int) -> None:
        name, operands = said["op"], said["of"]
        _require(name in OPERATIONS, f"there is no operation {name}")
        _require(
            isinstance(operands, list) and len(operands) == OPERATIONS[name],
            f"{name} takes {OPERATIONS.get(name)} numbers",
        )
        self._operand(operands, count, path, depth)

    def _float(self, said: Any, count: int, path: str, depth: int) -> None:
        _require(said["float"] in FLOATS, "a float is inf, -inf or nan")

    def _slice(self, said: Any, count: int, path: str, depth: int) -> None:
        parts = said["slice"]
        _require(isinstance(parts, list) and len(parts) == 3, "a slice has three parts")
        self._operand(parts, count, path, depth)

    def _dict(self, said: Any, count: int, path: str, depth: int) -> None:
        _require(isinstance(said["dict"], dict), "a dict is no object")
        self._operand(list(said["dict"].values()), count, path, depth)

    def _text(self, said: Any, count: int, path: str, depth: int) -> None:
        _require(all(isinstance(item, (str, bool)) for item in said.values()), "no text")

    def _argument(self, said: Any, depth: int) -> None:
        _require(depth <= DEPTH_LIMIT, f"it is nested deeper than {DEPTH_LIMIT}")
        if isinstance(said, list):
            for item in said:
                self._argument(item, depth + 1)
        elif isinstance(said, dict):
            if set(said) == {"input"}:
                _require(_is_count(said["input"]), "an input is no number")
            elif set(said) == {"dict"}:
                self._argument(list(said["dict"].values()), depth + 1)
            else:
                _require(set(said) == {"opaque"}, f"it says {sorted(said)}")


_OPERANDS: dict[str, Callable[[_Check, Any, int, str, int], None]] = {
    "value": _Check._value, "item": _Check._item, "tensor": _Check._tensor,
    "constant": _Check._constant, "attribute": _Check._attribute, "size": _Check._size,
    "op": _Check._operation, "float": _Check._float, "slice": _Check._slice, "dict": _Check._dict,
    "dtype": _Check._text, "ellipsis": _Check._text, "opaque": _Check._text,
}

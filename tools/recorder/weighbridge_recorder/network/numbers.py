"""Numbers that remember where they come from: a tensor's size, a module's attribute, an argument.

They are subclasses of `int` and `float`, so PyTorch and Python take them for what they are; arithmetic
with them gives such numbers again, and comparisons of those that depend on an input are noted, since
Python goes another way when they turn out otherwise.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import Any

# An expression with more parts than this is written as the number that it is.
PARTS_LIMIT = 48


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a number comes from.

    Attributes:
        kind: "attribute", "size", "value", or "op".
        scope: the frame (or, of an attribute, the module) in which it can be said.
        content: what is said there; of an operation its operands.
        is_fixed: whether it is the same for every input.
        parts: how large the expression is.
    """

    kind: str
    scope: Any
    content: Any
    is_fixed: bool = False
    parts: int = 1


# Called with a comparison's name, its operands and what came out.
Comparison = Callable[[str, Any, Any, bool], None]
_listener: list[Comparison] = []


def listen(comparison: Comparison | None) -> None:
    """Who is told of comparisons from now on; None: nobody."""
    _listener[:] = [] if comparison is None else [comparison]


def origin(value: Any) -> Origin | None:
    return value.origin if isinstance(value, (Whole, Real)) else None


def tracked(value: Any, source: Origin) -> Any:
    """The number with an origin; anything but an int or a float stays as it is."""
    if type(value) is int or isinstance(value, Whole):
        made: Any = Whole(value)
    elif type(value) is float or isinstance(value, Real):
        made = Real(value)
    else:
        return value
    made.origin = source
    return made


def plain(value: Any) -> Any:
    """The value without origins, in tuples and lists, too."""
    if isinstance(value, Whole):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if type(value) in (tuple, list):
        return type(value)(plain(item) for item in value)
    return value


def holds_tracked(value: Any) -> bool:
    if type(value) in (tuple, list):
        return any(holds_tracked(item) for item in value)
    return isinstance(value, (Whole, Real))


def _combined(name: str, operands: tuple[Any, ...], result: Any) -> Any:
    origins = [origin(item) for item in operands]
    parts = 1 + sum(1 if item is None else item.parts for item in origins)
    if parts > PARTS_LIMIT:
        return result
    is_fixed = all(item is None or item.is_fixed for item in origins)
    return tracked(result, Origin("op", name, operands, is_fixed, parts))


def _operation(name: str, function: Callable[..., Any], swapped: bool = False) -> Any:
    def method(self: Any, *others: Any) -> Any:
        if any(type(other) is bool or not isinstance(other, (int, float)) for other in others):
            return NotImplemented
        operands = (*others, self) if swapped else (self, *others)
        return _combined(name, operands, function(*(plain(item) for item in operands)))

    return method


def _comparison(name: str, function: Callable[[Any, Any], bool]) -> Any:
    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        result = function(plain(self), plain(other))
        source = origin(other)
        is_fixed = self.origin.is_fixed and (source is None or source.is_fixed)
        if _listener and not is_fixed:
            _listener[0](name, self, other, result)
        return result

    return method


def _equip(kind: type, base: type) -> None:
    for name, symbol in (
        ("add", "add"), ("sub", "sub"), ("mul", "mul"), ("truediv", "div"),
        ("floordiv", "floordiv"), ("mod", "mod"), ("pow", "pow"),
    ):
        function = getattr(operator, name)
        setattr(kind, f"__{name}__", _operation(symbol, function))
        setattr(kind, f"__r{name}__", _operation(symbol, function, swapped=True))
    for name, one in (("neg", operator.neg), ("abs", abs), ("floor", floor), ("ceil", ceil)):
        setattr(kind, f"__{name}__", _operation(name, one))
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(kind, f"__{name}__", _comparison(name, getattr(operator, name)))
    setattr(kind, "__divmod__", lambda self, other: (self // other, self % other))
    setattr(kind, "__rdivmod__", lambda self, other: (other // self, other % self))
    setattr(kind, "__hash__", base.__hash__)
    setattr(kind, "__reduce__", lambda self: (base, (base(self),)))


class Whole(int):
    """An int that knows its origin."""

    origin: Origin

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __round__(self, digits: Any = None) -> Any:
        return self if digits is None else round(int(self), digits)


class Real(float):
    """A float that knows its origin."""

    origin: Origin

    def __round__(self, digits: Any = None) -> Any:
        """To the nearest whole number, of two to the even one: with what a program can say."""
        if digits is not None or not isfinite(self):
            return round(float(self), digits)
        below = floor(self)
        rest = self - below
        if rest == 0.5:
            return below if below % 2 == 0 else below + 1
        return below if rest < 0.5 else below + 1


_equip(Whole, int)
_equip(Real, float)

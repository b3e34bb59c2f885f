"""`int` and `float` that keep a number's origin, in the modules of Python that a network is written in.

Python's own give plain numbers. While a network is followed, its sources see these instead, under the
same names; they are Python's in every other way.
"""

from __future__ import annotations

import builtins
import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from .numbers import Real, Whole

_NAMES = ("int", "float")
# Where Python would tell them from its own.
_TOLD_APART = re.compile(r"\bis (?:not )?(?:int|float)\b|\b(?:dtype=|to\(|astype\()(?:int|float)\b")
_CONVERTED = re.compile(r"\b(?:int|float)\(|\bmap\((?:int|float)\b")


class _Kind(type):
    """Makes a class equal to Python's own: its instances are, and calling it converts."""

    base: type

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.base)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, cls.base)

    def __eq__(cls, other: Any) -> bool:
        return other is cls or other is cls.base

    def __hash__(cls) -> int:
        return hash(cls.base)

    def __call__(cls, *given: Any, **named: Any) -> Any:
        if len(given) == 1 and not named and isinstance(given[0], (Whole, Real)):
            return _whole(given[0]) if cls.base is builtins.int else _real(given[0])
        return cls.base(*given, **named)


class _Int(int, metaclass=_Kind):
    base = builtins.int


class _Float(float, metaclass=_Kind):
    base = builtins.float


def _whole(value: Any) -> Any:
    """As `int` does: towards zero."""
    if isinstance(value, Whole):
        return value
    if not math.isfinite(value):
        return builtins.int(value)
    return math.floor(value) if value >= 0 else -math.floor(-value)


def _real(value: Any) -> Any:
    return value if isinstance(value, Real) else value / 1


@cache
def _converts(path: str) -> bool:
    """Whether a source file converts numbers, and nothing else with the names."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return bool(_CONVERTED.search(text)) and not _TOLD_APART.search(text)


def _sources(model: nn.Module) -> list[ModuleType]:
    """The modules of Python that a network's classes are from, and those of the same packages."""
    names = {kind.__module__ for module in model.modules() for kind in type(module).__mro__}
    packages = {name.partition(".")[0] for name in names} - {"torch", "builtins"}
    return [
        module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in packages
        and _converts(vars(module).get("__file__") or "")
    ]


@contextmanager
def kept_origins(model: nn.Module) -> Iterator[None]:
    """Gives the sources of a network these names."""
    changed = []
    for module in _sources(model):
        for name, kind in zip(_NAMES, (_Int, _Float), strict=True):
            if name not in vars(module):
                vars(module)[name] = kind
                changed.append((module, name))
    try:
        yield
    finally:
        for module, name in changed:
            vars(module).pop(name, None)

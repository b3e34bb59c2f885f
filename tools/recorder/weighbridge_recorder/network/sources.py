"""Where in which Python file something was called."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import torch

_HERE = str(Path(__file__).parent)
TORCH = str(Path(torch.__file__).parent)
_LAYERS = str(Path(torch.__file__).parent / "nn" / "modules")
# nn.Module's own calling machinery is in one file of the layers.
_MACHINERY = str(Path(torch.__file__).parent / "nn" / "modules" / "module.py")


def caller_of(frame: FrameType | None) -> FrameType | None:
    """The nearest frame that is neither the tracer's nor PyTorch's machinery."""
    while frame is not None:
        name = frame.f_code.co_filename
        is_layer = name.startswith(_LAYERS) and name != _MACHINERY
        if not name.startswith(_HERE) and (is_layer or not name.startswith(TORCH)):
            return frame
        frame = frame.f_back
    return None


def _short(path: str) -> str:
    """A source file without the folder that Python found it in."""
    roots = [str(Path(root).resolve()) for root in sys.path if root]
    found = [root for root in roots if path.startswith(root + "/")]
    return path[len(max(found, key=len)) + 1 :] if found else Path(path).name


_SHORT: dict[str, str] = {}


def file_of(frame: FrameType) -> str:
    """The source file that a frame is in."""
    path = frame.f_code.co_filename
    if path not in _SHORT:
        _SHORT[path] = _short(path)
    return _SHORT[path]


def source_of(function: Any) -> dict[str, Any]:
    """The file and the line in which a function begins."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return {}
    if code.co_filename not in _SHORT:
        _SHORT[code.co_filename] = _short(code.co_filename)
    return {"file": _SHORT[code.co_filename], "line": code.co_firstlineno}

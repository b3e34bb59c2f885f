"""Lets torchvision be imported beside the CPU build of PyTorch.

Its compiled operators need another build, and do not load; the names alone are enough for its models and
transforms. A process may declare them once.
"""

from __future__ import annotations

from typing import Any

import torch

_library: list[Any] = []


def declare_operators() -> None:
    """Declares the names, unless they are."""
    if not _library:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _library.append(library)

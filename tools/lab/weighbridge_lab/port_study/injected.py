"""Networks with something in them that holds for one input only, and what becomes of others.

Each is recorded with one image of 32 by 32 and then run in Swift on other images. What comes out is what
PyTorch gives for them, or an error that says why not: numbers of another network are never handed out in
silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# What each is run on after it was recorded: batch, height, width, and what its values are scaled by.
OTHERS: dict[str, tuple[int, int, int, float]] = {
    "2 images": (2, 32, 32, 1), "5 images": (5, 32, 32, 1), "24 by 24": (1, 24, 24, 1),
    "40 by 40": (1, 40, 40, 1), "48 by 48": (1, 48, 48, 1), "32 by 64": (1, 32, 64, 1),
    "other values": (1, 32, 32, -2),
}

Tail = Callable[["Injected", Tensor], Tensor]


class Injected(nn.Module):
    """A convolution and what comes after it."""

    def __init__(self, tail: Tail) -> None:
        super().__init__()
        self._tail = tail
        self._kept: dict[Any, Tensor] = {}
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.table = nn.Parameter(torch.randn(1, 64, 8))
        self.scale = 8

    def forward(self, x: Tensor) -> Tensor:
        return self._tail(self, self.conv(x))


def _unrolled(net: Injected, x: Tensor) -> Tensor:
    return torch.stack([row.mean((1, 2)) * (i + 1) for i, row in enumerate(x)])


def _cached(net: Injected, x: Tensor) -> Tensor:
    if "line" not in net._kept:
        net._kept["line"] = torch.linspace(0, 1, x.shape[3])
    return x * net._kept["line"]


def _cached_by_size(net: Injected, x: Tensor) -> Tensor:
    return x * net._kept.setdefault(x.shape[3], torch.linspace(0, 1, x.shape[3]))


def _branch_on_values(net: Injected, x: Tensor) -> Tensor:
    return x + 1 if x.mean() > x.abs().mean() * 0.1 else x - 1


def _branch_on_batch(net: Injected, x: Tensor) -> Tensor:
    return x.flip(0) * 2 if len(x) > 1 else x


def _branch_on_whole(net: Injected, x: Tensor) -> Tensor:
    return x[:, ::2] if int(x.shape[2]) > 36 else x[:, 1::2]


def _branch_on_size(net: Injected, x: Tensor) -> Tensor:
    return x[:, ::2] if x.shape[2] > 36 else x[:, 1::2]


def _padded(net: Injected, x: Tensor) -> Tensor:
    return F.pad(x, (0, -x.shape[3] % 7, 0, -x.shape[2] % 7)).unfold(2, 7, 7).mean(-1)


def _padded_plainly(net: Injected, x: Tensor) -> Tensor:
    rest = math.ceil(x.shape[3] / 7) * 7 - int(x.shape[3])
    return F.pad(x, (0, rest)).unfold(3, 7, 7).mean(-1)


def _looked_up(net: Injected, x: Tensor) -> Tensor:
    return x * {24: 1.5, 32: 2.0, 40: 3.0, 48: 4.0, 64: 5.0}[x.shape[3]]


def _positions(net: Injected, x: Tensor) -> Tensor:
    rows = x.flatten(2).transpose(1, 2)
    side = math.isqrt(net.table.shape[1])
    table = net.table.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    size = (int(x.shape[2]), int(x.shape[3]))
    return rows + F.interpolate(table, size=size, mode="bilinear").flatten(2).transpose(1, 2)


def _counted(net: Injected, x: Tensor) -> Tensor:
    return x.sum((2, 3)) / float(np.prod(x.shape[2:]))


INJECTED: dict[str, Tail] = {
    "nothing": lambda net, x: x.relu().mean((2, 3)),
    "batch through int": lambda net, x: x.reshape(int(x.shape[0]), -1)[:, :64],
    "batch through len": lambda net, x: x.mean((1, 2, 3)) / len(x),
    "batch unrolled": _unrolled,
    "branch on the batch": _branch_on_batch,
    "height through int": lambda net, x: x[:, :, : int(x.shape[2] * 0.5)].mean((2, 3)),
    "height through math": lambda net, x: x[:, :, math.ceil(x.shape[2] / 5):].mean((2, 3)),
    "size through numpy": _counted,
    "size in a constant": lambda net, x: x * torch.linspace(0, 1, int(x.shape[3])),
    "size in a table": _positions,
    "size looked up": _looked_up,
    "size of a cache": _cached,
    "cache by size": _cached_by_size,
    "window of the image": lambda net, x: F.avg_pool2d(x, int(x.shape[2]) // 4),
    "scale of the size": lambda net, x: x.flatten(2).softmax(-1) * float(x.shape[2]) ** -0.5,
    "least of two": lambda net, x: x[..., : min(x.shape[3], 36)].mean((2, 3)),
    "rounded": lambda net, x: x[..., : round(x.shape[3] * 0.3)].mean((2, 3)),
    "branch on an int": _branch_on_whole,
    "branch on a size": _branch_on_size,
    "padded": _padded,
    "padded through math": _padded_plainly,
    "reads a value": lambda net, x: x * float(x.mean()),
    "branch on values": _branch_on_values,
    "chosen by values": lambda net, x: x[:, [int(x.mean((0, 2, 3)).argmax())]],
    "masked by values": lambda net, x: x[x > 0].sum().reshape(1),
}


@torch.no_grad()
def made(name: str) -> tuple[nn.Module, Tensor]:
    """The network with random weights, and one image."""
    torch.manual_seed(3)
    return Injected(INJECTED[name]).eval(), torch.randn(1, 3, 32, 32)


def other(name: str) -> Tensor:
    """Images to run it on."""
    batch, height, width, scale = OTHERS[name]
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(5)) * scale

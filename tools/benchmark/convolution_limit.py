"""How fast this machine convolves, and how much a network asks for."""

from __future__ import annotations

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from weighbridge_lab.initialise import random_model
from weighbridge_lab.registry import InputOptions


def convolution_limit() -> float:
    """Operations per second of PyTorch's plain convolution by 3×3, the fastest of some passes."""
    x = torch.randn(4, 256, 28, 28).to(memory_format=torch.channels_last)
    layer = torch.nn.Conv2d(256, 256, 3, padding=1, bias=False).eval()
    layer = layer.to(memory_format=torch.channels_last)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(12):
            start = time.perf_counter()
            layer(x)
            best = min(best, time.perf_counter() - start)
    return 2 * 4 * 28 * 28 * 256 * 256 * 9 / best


def operations(row, config, batch: int) -> int:
    """The additions and multiplications of a forward pass's products, as PyTorch counts them."""
    model = random_model(row.id, config, seed=1)
    inputs = row.inputs(config, batch, torch.Generator().manual_seed(1), InputOptions())
    # With gradients: fused forms of inference hide what they compute.
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:
        model(*inputs)
    return counter.get_total_flops()

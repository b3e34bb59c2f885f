"""Random weights under which every network stays sane at every depth.

PyTorch's own initialisation leaves BatchNorm at the identity, and lets some networks explode
(se_inception3's logits reach 1e10 and more). Here every parameter is random, and every BatchNorm's
running statistics are those of the data that reaches it, perturbed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .lvc import Encoding, LightMLPBlock
from .registry import InputOptions, row
from .stn import SpatialTransformerNet
from .vit import ViT

# How many input values calibration looks at, within 3 to 32 samples: deep layers of a small image
# have a few pixels each, and statistics need more than those of three samples.
CALIBRATION_VALUES = 450_000


def random_model(
    id: str, config: dict, seed: int, size: tuple[int, int] | None = None
) -> nn.Module:
    """A row's module in eval mode with random, calibrated weights. `config` must be whole."""
    chosen = row(id)
    generator = torch.Generator().manual_seed(seed)
    model = chosen.build(config).eval()
    options = InputOptions(size=size)
    one = chosen.inputs(config, 1, generator, options)[0].numel()
    batch = min(32, max(3, CALIBRATION_VALUES // one))
    inputs = chosen.inputs(config, batch, generator, options)
    randomise(model, inputs, generator)
    return model


@torch.no_grad()
def randomise(model: nn.Module, inputs: Sequence[Tensor], generator: Generator) -> None:
    """Draws every parameter and buffer of `model`, then calibrates its batch norms on `inputs`."""
    for module in model.modules():
        _randomise_module(module, generator)
    if isinstance(model, SpatialTransformerNet):
        # An affine map near the identity, so that the warp is visible and stays in the picture.
        last = model.fc_loc[2]
        _normal(last.weight, 0.05, generator)
        _normal(last.bias, 0.1, generator)
        last.bias += torch.tensor([1.0, 0, 0, 0, 1, 0])
    calibrate(model, inputs, generator)


def _normal(tensor: Tensor, std: float, generator: Generator, mean: float = 0.0) -> None:
    tensor.copy_(torch.randn(tensor.shape, generator=generator) * std + mean)


def _uniform(tensor: Tensor, low: float, high: float, generator: Generator) -> None:
    tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)


def _randomise_module(module: nn.Module, generator: Generator) -> None:
    """Draws the parameters that belong to this module itself, not those of its children."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        fan_in = module.weight[0].numel()
        gain = 2.0 if isinstance(module, nn.Conv2d) else 1.0
        _normal(module.weight, math.sqrt(gain / fan_in), generator)
        if module.bias is not None:
            _normal(module.bias, 0.1, generator)
    elif isinstance(module, (_BatchNorm, nn.LayerNorm, nn.GroupNorm)):
        _uniform(module.weight, 0.5, 1.5, generator)
        _normal(module.bias, 0.2, generator)
        if isinstance(module, _BatchNorm):
            _normal(module.running_mean, 0.2, generator)
            _uniform(module.running_var, 0.5, 1.5, generator)
            module.num_batches_tracked.fill_(1000)
    elif isinstance(module, nn.MultiheadAttention):
        _normal(module.in_proj_weight, 1 / math.sqrt(module.embed_dim), generator)
        _normal(module.in_proj_bias, 0.1, generator)
    elif isinstance(module, Encoding):
        std = 1 / math.sqrt(module.codewords.numel())
        _uniform(module.codewords, -std, std, generator)
        # The original's (-1, 0) suits narrow maps; squared distances grow with the channels, and
        # beyond a few units the softmax leaves all but one code at 1e-20.
        _uniform(module.scale, -min(1.0, 8 / module.codewords.shape[1]), 0, generator)
    elif isinstance(module, LightMLPBlock):
        _uniform(module.layer_scale_1, 0.3, 1, generator)
        _uniform(module.layer_scale_2, 0.3, 1, generator)
    elif isinstance(module, ViT):
        _normal(module.pos_embedding, 1, generator)
        _normal(module.cls_token, 1, generator)
    elif any(True for _ in module.parameters(recurse=False)):
        raise TypeError(f"no rule draws the parameters of a {type(module).__name__}")


@torch.no_grad()
def calibrate(model: nn.Module, inputs: Sequence[Tensor], generator: Generator) -> None:
    """One forward pass in which each batch norm first takes the statistics of its own input."""
    seen: set[nn.Module] = set()

    def measure(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        if module in seen:
            return
        seen.add(module)
        values = args[0].transpose(0, 1).flatten(1)
        # A pooled map hardly varies within a few samples of noise; dividing by that would blow up
        # whatever the next input does differently.
        variance = values.var(dim=1, correction=0)
        variance = variance.clamp(min=0.1 * float(values.square().mean()) + 1e-3)
        shift = torch.randn(variance.shape, generator=generator) * 0.2 * variance.sqrt()
        stretch = torch.rand(variance.shape, generator=generator) * 0.8 + 0.7
        module.running_mean.copy_(values.mean(dim=1) + shift)
        module.running_var.copy_(variance * stretch)

    handles = [
        module.register_forward_pre_hook(measure)
        for module in model.modules()
        if isinstance(module, _BatchNorm)
    ]
    try:
        model(*inputs)
    finally:
        for handle in handles:
            handle.remove()

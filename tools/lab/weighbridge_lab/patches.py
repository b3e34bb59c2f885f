"""Patches of an image as tokens, and their merging. Rows: `patch_embed`, `patch_merging`."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from weighbridge_recorder import ToolError


class PatchEmbed(nn.Module):
    """A convolution with kernel and stride `patch_size`: [B,C,H,W] -> [B,N,D]."""

    def __init__(self, img_size: int, patch_size: int, in_chans: int, embed_dim: int) -> None:
        super().__init__()
        self.img_size = img_size
        self.proj = nn.Conv2d(in_chans, embed_dim, kernel_size=patch_size, stride=patch_size)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] != self.img_size or x.shape[3] != self.img_size:
            raise ToolError(
                f"patch_embed: the input is {x.shape[2]}x{x.shape[3]}, img_size={self.img_size}"
            )
        return self.proj(x).flatten(2).transpose(1, 2)


class PatchMerging(nn.Module):
    """Each 2x2 of tokens becomes one of twice the width: [B,L,c*dim] -> [B,L/4,2*c*dim]."""

    def __init__(self, dim: int, c: int) -> None:
        super().__init__()
        width = c * dim
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        side = math.isqrt(length)
        if side * side != length or side % 2:
            raise ToolError(f"patch_merging: {length} tokens are not the square of an even side")
        x = x.view(batch, side, side, width)
        offsets = ((0, 0), (1, 0), (0, 1), (1, 1))
        x = torch.cat([x[:, row::2, column::2] for row, column in offsets], dim=-1)
        x = x.view(batch, length // 4, 4 * width)
        return self.reduction(self.norm(x))

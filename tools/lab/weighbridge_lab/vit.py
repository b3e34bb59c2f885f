"""The vision transformer of vit-pytorch 0.2.6 and its later variants, and attention itself.

Rows: `vit`, `scaled_dot_product_attention`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from weighbridge_recorder import ToolError


class ScaledDotProductAttention(nn.Module):
    """softmax(q k^T [* scale]) v over [B,(heads,)N,d]."""

    def __init__(self, scale: float | None = None) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = q @ k.transpose(-1, -2)
        if self.scale is not None:
            scores = scores * self.scale
        return scores.softmax(dim=-1) @ v


class Residual(nn.Module):
    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor, **kwargs: Tensor | None) -> Tensor:
        return self.fn(x, **kwargs) + x


class PreNorm(nn.Module):
    def __init__(self, dim: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.fn = fn

    def forward(self, x: Tensor, **kwargs: Tensor | None) -> Tensor:
        return self.fn(self.norm(x), **kwargs)


class FeedForward(nn.Module):
    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(dim, hidden_dim),
            nn.GELU(),
            nn.Dropout(0.0),
            nn.Linear(hidden_dim, dim),
            nn.Dropout(0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Attention(nn.Module):
    """Self-attention whose scale is dim^-0.5 (`scale="dim"`), or head width^-0.5."""

    def __init__(self, dim: int, heads: int, dim_head: int | None, scale: str) -> None:
        super().__init__()
        if dim_head is None and dim % heads:
            raise ToolError(f"vit: heads={heads} must divide dim={dim}")
        width = dim_head if dim_head is not None else dim // heads
        scales = {"dim": dim**-0.5, "dim_head": width**-0.5}
        if scale not in scales:
            raise ToolError(f"vit: scale={scale} is neither dim nor dim_head")
        self.heads = heads
        self.scale = scales[scale]
        self.to_qkv = nn.Linear(dim, 3 * heads * width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * width, dim), nn.Dropout(0.0))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.to_qkv(x).chunk(3, dim=-1)
        )
        scores = (q @ k.transpose(-1, -2)) * self.scale
        if mask is not None:
            # The original broadcasts the batch axis onto the heads, which is right only for one
            # image. Here every image has its own mask, whatever the batch.
            keep = F.pad(mask.flatten(1), (1, 0), value=True)
            pairs = keep[:, None, :, None] & keep[:, None, None, :]
            scores = scores.masked_fill(~pairs, -torch.finfo(scores.dtype).max)
        out = scores.softmax(dim=-1) @ v
        return self.to_out(out.transpose(1, 2).flatten(2))


class Transformer(nn.Module):
    def __init__(
        self, dim: int, depth: int, heads: int, dim_head: int | None, mlp_dim: int, scale: str
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    Residual(PreNorm(dim, Attention(dim, heads, dim_head, scale))),
                    Residual(PreNorm(dim, FeedForward(dim, mlp_dim))),
                ]
            )
            for _ in range(depth)
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for attention, feed_forward in self.layers:
            x = attention(x, mask=mask)
            x = feed_forward(x)
        return x


class ViT(nn.Module):
    """Patches flattened channel-fastest, a class token first, pre-norm layers, no final norm.

    Args:
        head: `mlp` (0.2.6, 0.2.7) or `linear` (from 0.3.0: no hidden layer in the head).
        dim_head: width of a head when it isn't dim / heads (from 0.4.0).
        scale: `dim`, or `dim_head` (from 0.6.7).
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_classes: int,
        dim: int,
        depth: int,
        heads: int,
        mlp_dim: int,
        channels: int,
        head: str = "mlp",
        dim_head: int | None = None,
        scale: str = "dim",
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ToolError(f"vit: patch_size={patch_size} must divide image_size={image_size}")
        count = (image_size // patch_size) ** 2
        self.patch_size = patch_size
        self.pos_embedding = nn.Parameter(torch.randn(1, count + 1, dim))
        self.patch_to_embedding = nn.Linear(channels * patch_size**2, dim)
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.dropout = nn.Dropout(0.0)
        self.transformer = Transformer(dim, depth, heads, dim_head, mlp_dim, scale)
        self.to_cls_token = nn.Identity()
        if head == "mlp":
            self.mlp_head = nn.Sequential(
                nn.LayerNorm(dim),
                nn.Linear(dim, mlp_dim),
                nn.GELU(),
                nn.Dropout(0.0),
                nn.Linear(mlp_dim, num_classes),
            )
        elif head == "linear":
            self.mlp_head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, num_classes))
        else:
            raise ToolError(f"vit: head={head} is neither mlp nor linear")

    def _patches(self, x: Tensor) -> Tensor:
        """[B,C,H,W] -> [B, h*w, p*p*C], each patch in the order (row, column, channel)."""
        batch, channels, height, width = x.shape
        p = self.patch_size
        x = x.view(batch, channels, height // p, p, width // p, p)
        return x.permute(0, 2, 4, 3, 5, 1).reshape(batch, -1, p * p * channels)

    def forward(self, img: Tensor, mask: Tensor | None = None) -> Tensor:
        """img [B,C,H,W]; mask bool [B,n] or [B,h,w], true = keep. Returns logits."""
        x = self.patch_to_embedding(self._patches(img))
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1)
        x = x + self.pos_embedding[:, : x.shape[1]]
        x = self.transformer(self.dropout(x), mask)
        return self.mlp_head(self.to_cls_token(x[:, 0]))

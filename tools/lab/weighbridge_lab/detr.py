"""The encoder half of DETR with its input projection and position encodings.

Row: `detr_encoder`. Like the original the encoder works sequence first: [HW, B, d].
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from weighbridge_recorder import ToolError


def sinusoids(position: Tensor, count: int, temperature: float = 10000.0) -> Tensor:
    """position [...] -> [..., count]: sine at even, cosine at odd i of position / T^(2[i/2]/n)."""
    index = torch.arange(count, dtype=position.dtype, device=position.device)
    frequency = temperature ** (2 * torch.div(index, 2, rounding_mode="floor") / count)
    phase = position[..., None] / frequency
    return torch.stack([phase[..., 0::2].sin(), phase[..., 1::2].cos()], dim=-1).flatten(-2)


class PositionEmbeddingSine(nn.Module):
    """The normalised 2-D encoding [B, 2*num_pos_feats, H, W]: the y half, then the x half."""

    def __init__(self, num_pos_feats: int) -> None:
        super().__init__()
        self.num_pos_feats = num_pos_feats

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x gives the dtype; mask bool [B,H,W], true = padding."""
        kept = (~mask).to(x.dtype)
        halves = []
        for axis in (1, 2):
            position = kept.cumsum(axis)
            last = position.narrow(axis, position.shape[axis] - 1, 1)
            position = position / (last + 1e-6) * (2 * math.pi)
            halves.append(sinusoids(position, self.num_pos_feats))
        return torch.cat(halves, dim=3).permute(0, 3, 1, 2)


class PositionEmbeddingSine1d(nn.Module):
    """The 1-D encoding over positions 1 ... HW in row order, laid out [B, hidden_dim, H, W]."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, height, width = mask.shape
        position = torch.arange(1, height * width + 1, dtype=x.dtype, device=x.device)
        encoding = sinusoids(position, self.hidden_dim).t().reshape(1, -1, height, width)
        return encoding.expand(batch, -1, -1, -1)


class TransformerEncoderLayer(nn.Module):
    """Post-norm; the position is added to queries and keys only."""

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(d_model, nhead)
        self.linear1 = nn.Linear(d_model, dim_feedforward)
        self.dropout = nn.Dropout(0.1)
        self.linear2 = nn.Linear(dim_feedforward, d_model)
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)
        self.dropout1 = nn.Dropout(0.1)
        self.dropout2 = nn.Dropout(0.1)

    def forward(self, src: Tensor, padding: Tensor | None, pos: Tensor) -> Tensor:
        query = src + pos
        attended, _ = self.self_attn(
            query, query, src, key_padding_mask=padding, need_weights=False
        )
        src = self.norm1(src + self.dropout1(attended))
        fed = self.linear2(self.dropout(F.relu(self.linear1(src))))
        return self.norm2(src + self.dropout2(fed))


class TransformerEncoder(nn.Module):
    def __init__(self, d_model: int, nhead: int, num_layers: int, dim_feedforward: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TransformerEncoderLayer(d_model, nhead, dim_feedforward) for _ in range(num_layers)
        )

    def forward(self, src: Tensor, padding: Tensor | None, pos: Tensor) -> Tensor:
        for layer in self.layers:
            src = layer(src, padding, pos)
        return src


class DETREncoder(nn.Module):
    """Features [B,C,H,W] and an optional mask [B,H,W] (true = padding) -> memory [HW,B,d]."""

    def __init__(
        self,
        in_channels: int,
        hidden_dim: int,
        nheads: int,
        num_encoder_layers: int,
        dim_feedforward: int,
        position: str = "sine2d",
    ) -> None:
        super().__init__()
        if hidden_dim % nheads:
            raise ToolError(f"detr_encoder: nheads={nheads} must divide hidden_dim={hidden_dim}")
        divisor = 4 if position == "sine2d" else 2
        if hidden_dim % divisor:
            raise ToolError(
                f"detr_encoder: hidden_dim={hidden_dim} must divide by {divisor} for {position}"
            )
        self.input_proj = nn.Conv2d(in_channels, hidden_dim, kernel_size=1)
        if position == "sine2d":
            self.position_embedding: nn.Module = PositionEmbeddingSine(hidden_dim // 2)
        elif position == "sine1d":
            self.position_embedding = PositionEmbeddingSine1d(hidden_dim)
        else:
            raise ToolError(f"detr_encoder: position={position} is neither sine2d nor sine1d")
        self.encoder = TransformerEncoder(hidden_dim, nheads, num_encoder_layers, dim_feedforward)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        cells = mask
        if cells is None:
            batch, _, height, width = features.shape
            cells = torch.zeros(batch, height, width, dtype=torch.bool, device=features.device)
        src = self.input_proj(features)
        pos = self.position_embedding(src, cells)
        padding = None if mask is None else mask.flatten(1)
        return self.encoder(
            src.flatten(2).permute(2, 0, 1), padding, pos.flatten(2).permute(2, 0, 1)
        )

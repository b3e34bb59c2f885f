"""A network of sequences: recurrent layers, attention whose weights are returned, keys of every sample."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Scaled(nn.Module):
    """A table that the network reads, too."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).reshape(1, 3, 1, 1))
        self.proj = nn.Conv2d(3, 8, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x - self.mean)


class Lines(nn.Module):
    """Rows by one recurrent network, columns by another one, as timm's Sequencer has them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.rows = nn.LSTM(dim, dim // 2, batch_first=True, bidirectional=True)
        self.columns = nn.GRU(dim, dim, num_layers=2, batch_first=True)
        self.fc = nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        h, _ = self.rows(x.permute(0, 2, 3, 1).reshape(B * H, W, C))
        h = h.reshape(B, H, W, C)
        v, last = self.columns(x.permute(0, 3, 2, 1).reshape(B * W, H, C))
        v = v.reshape(B, W, H, C).transpose(1, 2)
        return x + self.fc(torch.cat([h, v], -1)).permute(0, 3, 1, 2) * last.mean()


class Memory(nn.Module):
    """Keys and values that all samples share."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(dim, dim)
        self.keys = nn.Parameter(torch.zeros(1, heads, 5, dim // heads))
        self.values = nn.Parameter(torch.zeros(1, 1, 5, dim // heads))

    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        q = self.q(x).reshape(B, N, self.heads, -1).transpose(1, 2)
        x = nn.functional.scaled_dot_product_attention(q, self.keys, self.values)
        return x.transpose(1, 2).reshape(B, N, C)


class Probed(nn.Module):
    """Attention of one learned query, whose weights PyTorch returns unasked."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.probe = nn.Parameter(torch.zeros(1, 1, dim))
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        probe = self.probe.repeat(x.shape[0], 1, 1)
        return self.attention(probe, x, x)[0][:, 0]


class Offset(nn.Module):
    """Adds a learned number to each channel."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias


class Gain(nn.Module):
    """Multiplies each channel by a learned number."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain


class Refined(nn.Module):
    """A norm before a module that belongs to the network, as CoaT's attention is lent its positions."""

    def __init__(self, dim: int, inner: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(self.norm(x))


class Sequences(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scaled = Scaled()
        self.lines = Lines(8)
        self.memory = Memory(8, 2)
        self.probed = Probed(8, 2)
        self.offset, self.gain = Offset(8), Gain(8)
        self.first, self.second = Refined(8, self.offset), Refined(8, self.gain)
        self.steps = nn.ModuleList([
            *(Offset(8) for _ in range(6)), *(Gain(8) for _ in range(5)), Offset(8)])

    def forward(self, x: Tensor) -> Tensor:
        y = self.lines(self.scaled(x)).flatten(2).transpose(1, 2)
        y = self.second(self.first(y))
        for step in self.steps:
            y = step(y)
        y = self.probed(y + self.memory(y))
        return y + self.scaled.mean.mean()

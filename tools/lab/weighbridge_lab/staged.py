"""A network in stages, whose members are of several classes that are called alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvNorm(nn.Module):
    def __init__(self, inside: int, outside: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outside)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class Separable(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dw = nn.Conv2d(dim, dim, 3, padding=1, groups=dim, bias=False)
        self.pw = nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pw(self.dw(x)).relu()


class Appending(nn.Sequential):
    """A Sequential that is given a list, too, and keeps everything in it."""

    def forward(self, x: Tensor, kept: list[Tensor]) -> Tensor:
        for module in self:
            x = module(x)
            kept.append(x)
        return torch.cat(kept, 1)


class Aggregation(nn.Module):
    """A member with several inputs beside one that is not always there."""

    def __init__(self, inside: int, dim: int, separable: bool) -> None:
        super().__init__()
        self.reduction = ConvNorm(inside, dim, 1) if separable else None
        if separable:
            self.mid = Appending(Separable(dim), Separable(dim))
        else:
            self.mid = Appending(ConvNorm(inside, dim), ConvNorm(dim, dim))
        self.concat = ConvNorm(inside + 2 * dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = [x]
        if self.reduction is not None:
            x = self.reduction(x)
        return self.concat(self.mid(x, kept))


class DenseLayer(nn.Module):
    def __init__(self, inside: int, dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, dim, 3, padding=1)

    def forward(self, inputs: list[Tensor]) -> Tensor:
        return self.conv(torch.cat(inputs, 1)).relu()


class Dense(nn.Module):
    """Layers by number, each of which is given what all before it returned."""

    def __init__(self, inside: int, dim: int, depth: int) -> None:
        super().__init__()
        for i in range(depth):
            self.add_module(f"layer{i + 1}", DenseLayer(inside + i * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.children():
            features.append(layer(features))
        return torch.cat(features, 1)


class DropPath(nn.Module):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, self.rate, self.training)


class Local(nn.Module):
    """Attention within each row of the image."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, height, width, 3, C).permute(3, 0, 1, 2, 4).unbind(0)
        x = nn.functional.scaled_dot_product_attention(q, k, v)
        return x.reshape(B, N, C)


class Global(nn.Module):
    """Attention to a smaller image."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.reduced = nn.Conv2d(dim, dim, 2, 2)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        B, N, C = x.shape
        small = self.reduced(x.transpose(1, 2).reshape(B, C, height, width)).flatten(2)
        k, v = self.kv(small.transpose(1, 2)).chunk(2, -1)
        return nn.functional.scaled_dot_product_attention(self.q(x), k, v)


class StageBlock(nn.Module):
    def __init__(self, dim: int, attn: nn.Module, drop: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attn = attn
        self.drop = DropPath(drop) if drop else nn.Identity()

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        return x + self.drop(self.attn(self.norm(x), height, width))


class Patching(nn.Module):
    """Numbers beside a tensor, from two classes."""

    def __init__(self, inside: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(inside, dim, 2, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        x = self.proj(x)
        _, _, height, width = x.shape
        return x.flatten(2).transpose(1, 2), height, width


class Reducing(nn.Module):
    def __init__(self, inside: int, dim: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(2)
        self.proj = nn.Linear(inside, dim)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        x = self.pool(x)
        _, _, height, width = x.shape
        return self.proj(x.flatten(2).transpose(1, 2)), height, width


class Stage(nn.Module):
    def __init__(self, dim: int, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        for block in self.blocks:
            x = block(x, height, width)
        return self.norm(x).transpose(1, 2).reshape(x.shape[0], -1, height, width)


class Sum(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Gate(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x * self.conv(y).sigmoid()


class Staged(nn.Module):
    """Lists of different classes, with several inputs, with numbers, and with numbers returned."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(Aggregation(3, 8, False), Aggregation(8, 8, True))
        self.dense1 = Dense(8, 4, 5)
        self.squeeze = ConvNorm(28, 8, 1)
        self.dense2 = Dense(8, 2, 6)
        self.embeddings = nn.ModuleList([Patching(20, 8), Reducing(8, 12)])
        self.stages = nn.ModuleList([
            Stage(8, [StageBlock(8, Local(8), 0), StageBlock(8, Global(8), 0.1)]),
            Stage(12, [StageBlock(12, Global(12), 0.1), StageBlock(12, Global(12), 0.1)]),
        ])
        self.fuse = nn.ModuleList([Sum(), Gate(12)])
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dense2(self.squeeze(self.dense1(self.stem(x))))
        for embedding, stage in zip(self.embeddings, self.stages):
            x, height, width = embedding(x)
            x = stage(x, height, width)
        for fuse in self.fuse:
            x = fuse(x, x.flip(3))
        return self.head(x.mean((2, 3)))

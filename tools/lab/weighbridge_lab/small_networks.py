"""Small networks in plain PyTorch, as people write them: what recorded networks are tried on.

`NETWORKS` has those that are recorded whole, `LIMITED` one that cannot be.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .sequences import Sequences
from .staged import Staged


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """A residual network: in-place activations, a module called twice, shortcuts that differ."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 8))
        self.layer2 = nn.Sequential(BasicBlock(8, 12, 2), BasicBlock(12, 12))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        x = torch.flatten(self.avgpool(x), 1)
        return self.fc(x)


class Attention(nn.Module):
    """Self-attention by hand; `fused` leaves it to PyTorch's function."""

    def __init__(self, dim: int, num_heads: int, fused: bool) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = dim // num_heads
        self.scale = self.head_dim**-0.5
        self.fused = fused
        self.qkv = nn.Linear(dim, dim * 3)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        if self.fused:
            x = F.scaled_dot_product_attention(q, k, v)
        else:
            attn = (q * self.scale) @ k.transpose(-2, -1)
            x = attn.softmax(dim=-1) @ v
        x = x.transpose(1, 2).reshape(B, N, C)
        return self.proj(x)


class EncoderBlock(nn.Module):
    def __init__(self, dim: int, num_heads: int, fused: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, num_heads, fused)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * dim, dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Patches, a class token, learnt positions and a table that is in no state dict."""

    def __init__(self, size: int = 12, patch: int = 4, dim: int = 16, depth: int = 3) -> None:
        super().__init__()
        count = (size // patch) ** 2
        self.embed_dim = dim
        self.patch_embed = nn.Conv2d(3, dim, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, count, dim))
        self.register_buffer("fixed", self.waves(count + 1, dim), persistent=False)
        self.blocks = nn.ModuleList(EncoderBlock(dim, 4, i % 2 == 1) for i in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, 7)

    @staticmethod
    def waves(count: int, dim: int) -> Tensor:
        """Sines and cosines of a position, each at another frequency."""
        phase = torch.arange(count)[:, None] / 100 ** (torch.arange(0, dim, 2) / dim)
        return torch.cat([phase.sin(), phase.cos()], 1)[None]

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = x + self.pos_embed
        cls_token = self.cls_token.expand(x.shape[0], -1, -1)
        x = torch.cat((cls_token, x), dim=1) + self.fixed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0] * math.sqrt(self.embed_dim))


class DoubleConv(nn.Sequential):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__(
            nn.Conv2d(inside, outside, 3, padding=1), nn.GroupNorm(4, outside), nn.SiLU(),
            nn.Conv2d(outside, outside, 3, padding=1, bias=False), nn.BatchNorm2d(outside),
            nn.LeakyReLU(0.1, inplace=True),
        )


class Up(nn.Module):
    """Enlarges, pads to the size of what it is joined with, and joins."""

    def __init__(self, inside: int, outside: int, bilinear: bool) -> None:
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        else:
            self.up = nn.ConvTranspose2d(inside, inside, 2, stride=2)
        self.conv = DoubleConv(inside + outside, outside)

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        x1 = self.up(x1)
        dy = x2.size(2) - x1.size(2)
        dx = x2.size(3) - x1.size(3)
        x1 = F.pad(x1, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return self.conv(torch.cat([x2, x1], dim=1))


class UNet(nn.Module):
    """Down and up again: features in a list, several inputs of a child, sizes as arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.inc = DoubleConv(3, 8)
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), DoubleConv(8, 12)) if i == 0
            else nn.Sequential(nn.MaxPool2d(2), DoubleConv(12, 16))
            for i in range(2)
        )
        self.up = nn.ModuleList([Up(16, 12, bilinear=False), Up(12, 8, bilinear=True)])
        self.outc = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = [self.inc(x)]
        for stage in self.down:
            features.append(stage(features[-1]))
        y = features.pop()
        for stage in self.up:
            y = stage(y, features.pop())
        logits = self.outc(y)
        small = F.interpolate(y, size=(x.shape[2] // 2, x.shape[3] // 2), mode="nearest")
        return {"out": logits.softmax(1), "aux": small.mean((2, 3))}


class Limited(nn.Module):
    """What a recording cannot express, one thing of each kind, and much that it can."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.chance = Chance()
        self.spectrum = Spectrum()
        self.branch = Branch()
        self.views = Views()
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.branch(self.spectrum(self.chance(self.stem(x))))
        return self.head(self.views(x).mean((2, 3)))


class Chance(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.1, training=True)


class Spectrum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.rfft2(x).abs().mean((2, 3), keepdim=True) + x


class Branch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.mean() > 1e3:
            return x
        return x + 1


class Views(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        rows = x.view(x.shape[0], x.shape[1], -1)
        rows[:, :, 0].zero_()
        return x * 2


class Converted(nn.Module):
    """Sizes through `int`, `float`, `round` and `divmod`, as Python code has them."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = map(int, x.shape[2:])
        rows, rest = divmod(int(height * 0.6), 2)
        assert isinstance(width, int) and type(3) == int and not isinstance("", (int, float))
        x = F.pad(x, (0, rest, 0, max(4 - height % 4, 0)))[:, :, : round(rows * 1.4)]
        return x * float(width) ** -0.5 + int(-height / 3)


class ConvAct(nn.Module):
    """Kernel and stride are alike in some instances and not in others."""

    def __init__(self, inside: int, outside: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outside)
        self.act = nn.Hardswish()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class Ghost(nn.Module):
    """Two members that are there or not, each by itself."""

    def __init__(self, dim: int, deep: bool = False, gated: bool = False) -> None:
        super().__init__()
        self.conv1 = ConvAct(dim, dim)
        self.deep = ConvAct(dim, dim, 3) if deep else None
        self.gate = nn.Sigmoid() if gated else None
        self.conv2 = nn.Conv2d(dim, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x
        x = self.conv1(x)
        if self.deep is not None:
            x = self.deep(x)
        if self.gate is not None:
            x = self.gate(x)
        return self.conv2(x) + shortcut


class Patches(nn.Module):
    """Numbers that a module returns beside a tensor."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(dim, dim, 2, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        x = self.proj(x)
        _, _, height, width = x.shape
        return x.flatten(2).transpose(1, 2), height, width


class Positions(nn.Module):
    """Numbers that a module is given beside a tensor; one that several others share."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        image = x.transpose(1, 2).reshape(x.shape[0], x.shape[2], *size)
        return x + self.proj(image).flatten(2).transpose(1, 2)


class Mixing(nn.Module):
    def __init__(self, dim: int, positions: Positions, scale: nn.Module) -> None:
        super().__init__()
        self.positions = positions
        self.scale = scale
        self.fc = nn.Linear(dim, dim)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        return x + self.fc(self.scale(self.positions(x, (height, width))))


class Assembled(nn.Module):
    """Stages of one kind and several depths, members that are shared, numbers handed along."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvAct(3, 8, 3, 2), ConvAct(8, 8), ConvAct(8, 8, 2, 2))
        self.stages = nn.Sequential(
            nn.Sequential(Ghost(8)), nn.Sequential(Ghost(8, deep=True), Ghost(8, gated=True)),
            nn.Sequential(Ghost(8, deep=True, gated=True)),
        )
        self.patches = Patches(8)
        self.positions = Positions(8)
        self.scale = nn.LayerNorm(8)
        self.layers = nn.ModuleList(Mixing(8, self.positions, self.scale) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x, height, width = self.patches(self.stages(self.stem(x)))
        for layer in self.layers:
            x = layer(x, height, width)
        mask = torch.ones(x.shape[1], x.shape[1]).triu(1)
        weights = (x @ x.transpose(1, 2)).masked_fill(mask.bool(), -100.0).softmax(-1)
        return (weights @ x).mean(1)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet": (ResNet, (2, 3, 29, 31)),
    "vit": (VisionTransformer, (2, 3, 12, 12)),
    "unet": (UNet, (2, 3, 10, 13)),
    "assembled": (Assembled, (2, 3, 17, 21)),
    "staged": (Staged, (2, 3, 8, 12)),
    "sequences": (Sequences, (2, 3, 8, 12)),
}
# Inputs of another batch and, where the network takes it, of another size.
OTHER_SHAPES: dict[str, list[tuple[int, ...]]] = {
    "resnet": [(3, 3, 40, 37)], "vit": [(5, 3, 12, 12)], "unet": [(1, 3, 17, 20)],
    "assembled": [(3, 3, 25, 18)], "staged": [(3, 3, 12, 8)],
    "sequences": [(3, 3, 10, 6)],
}
LIMITED: tuple[Callable[[], nn.Module], tuple[int, ...]] = (Limited, (2, 3, 8, 8))


@torch.no_grad()
def made(name: str, seed: int) -> tuple[nn.Module, Tensor]:
    """A network with random weights, statistics too, and an input for it."""
    make, shape = LIMITED if name == "limited" else NETWORKS[name]
    torch.manual_seed(seed)
    network = make().eval()
    for key, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif tensor.dim() > 1:
            tensor.normal_(0, max(1, tensor[0].numel()) ** -0.5)
        else:
            tensor.normal_(0, 0.3).add_(float(key.endswith("weight")))
    return network, torch.randn(shape)

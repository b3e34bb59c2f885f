"""Explicit visual centres. Rows: `encoding`, `lvc_block`, `evc_block`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUM_CODES = 64
CONV_BLOCK_EPS = 1e-6


class Encoding(nn.Module):
    """Residuals against learnt codewords: [B,C,H,W] -> [B,64,C].

    There are always 64 codewords: the original ignores its `num_codes` argument.
    """

    def __init__(self, in_channels: int, num_codes: int = NUM_CODES) -> None:
        super().__init__()
        del num_codes
        std = 1.0 / (NUM_CODES * in_channels) ** 0.5
        self.codewords = nn.Parameter(torch.empty(NUM_CODES, in_channels).uniform_(-std, std))
        self.scale = nn.Parameter(torch.empty(NUM_CODES).uniform_(-1, 0))

    def forward(self, x: Tensor) -> Tensor:
        features = x.flatten(2).transpose(1, 2)
        difference = features[:, :, None, :] - self.codewords
        assignment = (self.scale * difference.pow(2).sum(dim=3)).softmax(dim=2)
        return (assignment[..., None] * difference).sum(dim=1)


class Mean(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(self.dim)


class ConvBlock(nn.Module):
    """A bottleneck of a quarter of the width with a convolutional shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        mid = out_channels // 4
        self.conv1 = nn.Conv2d(in_channels, mid, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(mid, eps=CONV_BLOCK_EPS)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(mid, mid, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(mid, eps=CONV_BLOCK_EPS)
        self.act2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(mid, out_channels, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels, eps=CONV_BLOCK_EPS)
        self.act3 = nn.ReLU(inplace=True)
        self.residual_conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)
        self.residual_bn = nn.BatchNorm2d(out_channels, eps=CONV_BLOCK_EPS)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act1(self.bn1(self.conv1(x)))
        out = self.act2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.act3(out + self.residual_bn(self.residual_conv(x)))


class LVCBlock(nn.Module):
    """Channels gated by an encoding of the whole map. c2 and num_codes have no effect."""

    def __init__(self, c1: int, c2: int, num_codes: int = NUM_CODES) -> None:
        super().__init__()
        del c2
        self.conv_1 = ConvBlock(c1, c1)
        self.LVC = nn.Sequential(
            nn.Conv2d(c1, c1, kernel_size=1, bias=False),
            nn.BatchNorm2d(c1),
            nn.ReLU(inplace=True),
            Encoding(c1, num_codes),
            nn.BatchNorm1d(NUM_CODES),
            nn.ReLU(inplace=True),
            Mean(dim=1),
        )
        self.fc = nn.Sequential(nn.Linear(c1, c1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_1(x)
        gate = self.fc(self.LVC(x))
        return F.relu(x + x * gate[:, :, None, None])


class BaseConv(nn.Module):
    """Convolution, batch norm, SiLU."""

    def __init__(self, in_channels: int, out_channels: int, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))


class DWConv(nn.Module):
    """Depthwise, then pointwise."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dconv = BaseConv(channels, channels, groups=channels)
        self.pconv = BaseConv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.pconv(self.dconv(x))


class Mlp(nn.Module):
    """Two 1x1 convolutions with a GELU between them; one dropout module serves both."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, kernel_size=1)
        self.act = nn.GELU()
        self.fc2 = nn.Conv2d(hidden, channels, kernel_size=1)
        self.drop = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.act(self.fc1(x)))
        return self.drop(self.fc2(x))


class LightMLPBlock(nn.Module):
    """Two scaled residual steps. `linear` is never applied, and newer files lack it."""

    def __init__(self, channels: int, dead_linear: bool = True) -> None:
        super().__init__()
        self.layer_scale_1 = nn.Parameter(torch.full((channels,), 1e-5))
        self.layer_scale_2 = nn.Parameter(torch.full((channels,), 1e-5))
        self.dw = DWConv(channels)
        if dead_linear:
            self.linear = nn.Linear(channels, channels)
        self.norm1 = nn.GroupNorm(1, channels)
        self.norm2 = nn.GroupNorm(1, channels)
        self.mlp = Mlp(channels, 4 * channels)
        self.drop_path = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.layer_scale_1[:, None, None], self.layer_scale_2[:, None, None]
        x = x + self.drop_path(first * self.dw(self.norm1(x)))
        return x + self.drop_path(second * self.mlp(self.norm2(x)))


class EVCBlock(nn.Module):
    """A learnt visual centre and a light MLP side by side, merged by a 1x1 convolution."""

    def __init__(self, in_channels: int, out_channels: int, dead_linear: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, in_channels, kernel_size=7, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.lvc = LVCBlock(in_channels, out_channels)
        self.l_MLP = LightMLPBlock(in_channels, dead_linear)
        self.cnv1 = nn.Conv2d(2 * out_channels, out_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu1(self.bn1(self.conv1(x))))
        return self.cnv1(torch.cat([self.lvc(x), self.l_MLP(x)], dim=1))


def override_bn_eps(model: nn.Module, eps: float | None) -> nn.Module:
    """Sets eps on every BatchNorm2d, as trained YOLOX-style models do (1e-3)."""
    if eps is not None:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = eps
    return model

"""Selective kernels. Rows: `sk_conv`, `sk_block`, `sknet50`, `sknet101`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from weighbridge_recorder import ToolError

from .senet import shortcut

GROUPS = 32


class SKConv(nn.Module):
    """M dilated branches, weighed against each other per channel."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        M: int = 2,
        r: int = 16,
        L: int = 32,
    ) -> None:
        super().__init__()
        if in_channels % GROUPS or out_channels % GROUPS:
            raise ToolError(
                f"sk_conv: in_channels={in_channels} and out_channels={out_channels} must "
                f"divide by {GROUPS}"
            )
        self.M, self.out_channels = M, out_channels
        width = max(in_channels // r, L)
        self.conv = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(
                    in_channels,
                    out_channels,
                    kernel_size=3,
                    stride=stride,
                    padding=1 + i,
                    dilation=1 + i,
                    groups=GROUPS,
                    bias=False,
                ),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(inplace=True),
            )
            for i in range(M)
        )
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Sequential(
            nn.Conv2d(out_channels, width, kernel_size=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.fc2 = nn.Conv2d(width, out_channels * M, kernel_size=1, bias=False)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        branches = [branch(x) for branch in self.conv]
        scores = self.fc2(self.fc1(self.global_pool(torch.stack(branches).sum(dim=0))))
        # Four axes, as the article has them: (B, M, out, 1), the branch before the channel.
        weights = self.softmax(scores.reshape(-1, self.M, self.out_channels, 1))
        weighed = [branch * weights[:, i, :, :, None] for i, branch in enumerate(branches)]
        return torch.stack(weighed).sum(dim=0)


class SKBlock(nn.Module):
    expansion = 2

    def __init__(
        self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(inplanes, planes, kernel_size=1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(inplace=True),
        )
        self.conv2 = SKConv(planes, planes, stride)
        self.conv3 = nn.Sequential(
            nn.Conv2d(planes, planes * 2, kernel_size=1, bias=False),
            nn.BatchNorm2d(planes * 2),
        )
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv3(self.conv2(self.conv1(x)))
        residual = x if self.downsample is None else self.downsample(x)
        return self.relu(out + residual)


class SKNet(nn.Module):
    """A residual network of selective-kernel blocks; it returns probabilities."""

    def __init__(self, layers: list[int], nums_class: int) -> None:
        super().__init__()
        self._inplanes = 64
        self.conv = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._layer(128, layers[0], stride=1)
        self.layer2 = self._layer(256, layers[1], stride=2)
        self.layer3 = self._layer(512, layers[2], stride=2)
        self.layer4 = self._layer(1024, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, nums_class)
        self.softmax = nn.Softmax(dim=1)

    def _layer(self, planes: int, count: int, stride: int) -> nn.Sequential:
        width = planes * SKBlock.expansion
        blocks = [SKBlock(self._inplanes, planes, stride, shortcut(self._inplanes, width, stride))]
        self._inplanes = width
        blocks += [SKBlock(width, planes) for _ in range(count - 1)]
        return nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv(x))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.softmax(self.fc(self.avgpool(x).flatten(1)))


LAYERS = {50: [3, 4, 6, 3], 101: [3, 4, 23, 3]}


def sknet(depth: int, nums_class: int) -> SKNet:
    """SKNet-50 or SKNet-101."""
    return SKNet(LAYERS[depth], nums_class)

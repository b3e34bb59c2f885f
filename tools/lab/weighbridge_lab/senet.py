"""Squeeze-and-excitation. Rows: `se_layer`, `se_bottleneck`, `se_resnet18/34/50/101/152`."""

from __future__ import annotations

from torch import Tensor, nn


class SELayer(nn.Module):
    """x * sigmoid(W2 relu(W1 mean_HW x)). Old checkpoints have biases."""

    def __init__(self, channel: int, reduction: int = 16, bias: bool = False) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channel, channel // reduction, bias=bias),
            nn.ReLU(inplace=True),
            nn.Linear(channel // reduction, channel, bias=bias),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        batch, channel = x.shape[:2]
        gate = self.fc(self.avg_pool(x).view(batch, channel)).view(batch, channel, 1, 1)
        return x * gate


def shortcut(inplanes: int, planes: int, stride: int) -> nn.Sequential:
    """A strided 1x1 convolution and its batch norm, for a residual that changes shape."""
    return nn.Sequential(
        nn.Conv2d(inplanes, planes, kernel_size=1, stride=stride, bias=False),
        nn.BatchNorm2d(planes),
    )


class SEBasicBlock(nn.Module):
    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        reduction: int = 16,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.se = SELayer(planes, reduction)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.se(self.bn2(self.conv2(out)))
        residual = x if self.downsample is None else self.downsample(x)
        return self.relu(out + residual)


class SEBottleneck(nn.Module):
    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        reduction: int = 16,
        se_bias: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * 4, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.relu = nn.ReLU(inplace=True)
        self.se = SELayer(planes * 4, reduction, se_bias)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.se(self.bn3(self.conv3(out)))
        residual = x if self.downsample is None else self.downsample(x)
        return self.relu(out + residual)


class SEResNet(nn.Module):
    """torchvision's ResNet with a squeeze-and-excitation in every block."""

    def __init__(
        self, block: type[SEBasicBlock] | type[SEBottleneck], layers: list[int], num_classes: int
    ) -> None:
        super().__init__()
        self._inplanes = 64
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._layer(block, 64, layers[0], stride=1)
        self.layer2 = self._layer(block, 128, layers[1], stride=2)
        self.layer3 = self._layer(block, 256, layers[2], stride=2)
        self.layer4 = self._layer(block, 512, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def _layer(
        self, block: type[SEBasicBlock] | type[SEBottleneck], planes: int, count: int, stride: int
    ) -> nn.Sequential:
        width = planes * block.expansion
        changes = stride != 1 or self._inplanes != width
        downsample = shortcut(self._inplanes, width, stride) if changes else None
        blocks = [block(self._inplanes, planes, stride, downsample)]
        self._inplanes = width
        blocks += [block(width, planes) for _ in range(count - 1)]
        return nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


BLOCKS: dict[int, tuple[type[SEBasicBlock] | type[SEBottleneck], list[int]]] = {
    18: (SEBasicBlock, [2, 2, 2, 2]),
    34: (SEBasicBlock, [3, 4, 6, 3]),
    50: (SEBottleneck, [3, 4, 6, 3]),
    101: (SEBottleneck, [3, 4, 23, 3]),
    152: (SEBottleneck, [3, 8, 36, 3]),
}


def se_resnet(depth: int, num_classes: int) -> SEResNet:
    """The network of that depth: 18 and 34 with basic blocks, 50, 101 and 152 with bottlenecks."""
    block, layers = BLOCKS[depth]
    return SEResNet(block, layers, num_classes)

import torch
from torch import nn


class Block(nn.Module):
    """Depthwise, then pointwise, with a sum where the shapes allow it."""

    def __init__(self, channels, out, stride=1):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, out, 1, bias=False)
        self.norm = nn.BatchNorm2d(out)
        self.adds = stride == 1 and channels == out

    def forward(self, x):
        y = torch.nn.functional.silu(self.norm(self.pointwise(self.depthwise(x))))
        return x + y if self.adds else y


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.blocks = nn.ModuleList([Block(16, 16), Block(16, 32, 2), Block(32, 32)])
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((2, 3)))


torch.manual_seed(0)
net = Net().eval()
images = torch.randn(2, 3, 64, 64)

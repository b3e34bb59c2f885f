"""The PyTorch originals: real networks that Weighbridge does not have built in.

Most come from torchvision and timm, shrunk in width so that a case takes a second, with their own
control flow; the U-Net and the heads around torchvision's parts are written as such networks are.
Weights are random with fixed seeds, and calibrated: running statistics are those of data.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def _import_libraries() -> None:
    """torchvision's compiled operators do not load beside a CPU build of torch; declaring the two
    that it registers functions for is enough to import the networks, which use none of them."""
    global _library
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        _library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


_import_libraries()

from timm.models.convnext import ConvNeXt  # noqa: E402
from timm.models.metaformer import GroupNorm1, MetaFormer, Pooling  # noqa: E402
from timm.models.mlp_mixer import MlpMixer  # noqa: E402
from timm.models.resnet import BasicBlock, Bottleneck, ResNet  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402
from torchvision.models.densenet import DenseNet  # noqa: E402
from torchvision.models.googlenet import BasicConv2d as WideConv2d  # noqa: E402
from torchvision.models.googlenet import GoogLeNet, Inception  # noqa: E402
from torchvision.models.mobilenetv3 import MobileNetV3, _mobilenet_v3_conf  # noqa: E402
from torchvision.models.segmentation.deeplabv3 import ASPP  # noqa: E402
from torchvision.models.vgg import make_layers  # noqa: E402


class BasicConv2d(WideConv2d):
    """GoogLeNet's convolution with a quarter of the channels."""

    def __init__(self, inputs: int, outputs: int, **options) -> None:
        super().__init__(inputs if inputs == 3 else inputs // 4, outputs // 4, **options)


def googlenet() -> nn.Module:
    inception = partial(Inception, conv_block=BasicConv2d)
    net = GoogLeNet(
        10, aux_logits=False, transform_input=True, init_weights=False,
        blocks=[BasicConv2d, inception, nn.Identity])
    net.fc = nn.Linear(256, 10)
    return net


def mobilenet() -> nn.Module:
    settings, last = _mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.5)
    return MobileNetV3(settings, last, num_classes=10)


class DoubleConv(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.conv = DoubleConv(inputs, outputs)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.conv(torch.cat([skip, self.up(x)], dim=1))


class OutConv(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class UNet(nn.Module):
    """Takes pixels 0 … 255 and normalises them itself, as segmentation servers do."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pixel_mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("pixel_std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.inc = DoubleConv(3, 8)
        self.down1 = Down(8, 16)
        self.down2 = Down(16, 32)
        self.down3 = Down(32, 32)
        self.up1 = Up(64, 16)
        self.up2 = Up(32, 8)
        self.up3 = Up(16, 8)
        self.outc = OutConv(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = (x / 255 - self.pixel_mean) / self.pixel_std
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x = self.up1(x4, x3)
        x = self.up2(x, x2)
        x = self.up3(x, x1)
        return self.outc(x)


class DeepLab(nn.Module):
    """A small backbone under torchvision's ASPP and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.aspp = ASPP(16, [2, 4, 6], out_channels=16)
        self.head = nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 5, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.aspp(self.backbone(x)))


class VGG(nn.Module):
    """torchvision's features with batch norm under a small classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.features = make_layers([8, "M", 16, 16, "M", 32, 32], batch_norm=True)
        self.avgpool = nn.AdaptiveAvgPool2d((4, 4))
        self.classifier = nn.Sequential(
            nn.Linear(32 * 4 * 4, 64), nn.ReLU(True), nn.Dropout(), nn.Linear(64, 64),
            nn.ReLU(True), nn.Dropout(), nn.Linear(64, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        return self.classifier(torch.flatten(x, 1))


@dataclass(frozen=True)
class Network:
    source: str
    build: Callable[[], nn.Module]
    height: int
    width: int
    pixels: bool = False


NETWORKS: dict[str, Network] = {
    "resnet": Network(
        "timm ResNet, basic blocks, widths 64 to 128",
        partial(ResNet, BasicBlock, [2, 2, 2, 2], num_classes=10, channels=(64, 64, 64, 128)),
        64, 64),
    "resnext": Network(
        "timm ResNeXt with deep stem and averaging shortcuts",
        partial(
            ResNet, Bottleneck, [1, 2, 1, 1], num_classes=10, cardinality=4, base_width=8,
            channels=(16, 32, 64, 128), stem_type="deep", stem_width=8, avg_down=True),
        64, 64),
    "unet": Network("U-Net, bilinear, pixels in", UNet, 48, 40, pixels=True),
    "convnext": Network(
        "timm ConvNeXt, depths 1 1 2 1",
        partial(
            ConvNeXt, depths=(1, 1, 2, 1), dims=(16, 24, 32, 48), num_classes=10,
            ls_init_value=0.5),
        64, 64),
    "densenet": Network(
        "torchvision DenseNet, blocks 2 3 2",
        partial(
            DenseNet, growth_rate=8, block_config=(2, 3, 2), num_init_features=16, bn_size=2,
            num_classes=10),
        64, 64),
    "mobilenet": Network("torchvision MobileNetV3 small, half width", mobilenet, 64, 64),
    "vit": Network(
        "timm VisionTransformer with layer scale, depth 3",
        partial(
            VisionTransformer, img_size=32, patch_size=8, embed_dim=48, depth=3, num_heads=3,
            init_values=0.5, num_classes=10),
        32, 32),
    "mixer": Network(
        "timm MlpMixer, as many tokens as channels",
        partial(MlpMixer, img_size=32, patch_size=4, embed_dim=64, num_blocks=2, num_classes=10),
        32, 32),
    "googlenet": Network("torchvision GoogLeNet, quarter width, transform_input", googlenet, 64, 64),
    "poolformer": Network(
        "timm PoolFormer, depths 1 2",
        partial(
            MetaFormer, depths=(1, 2), dims=(16, 32), token_mixers=Pooling,
            norm_layers=GroupNorm1, layer_scale_init_values=0.5, mlp_act=nn.GELU,
            use_mlp_head=False, mlp_bias=True, downsample_norm=None,
            res_scale_init_values=None, num_classes=10),
        32, 32),
    "deeplab": Network("torchvision's ASPP between a backbone and a head", DeepLab, 48, 40),
    "vgg": Network("torchvision's VGG features under a classifier", VGG, 32, 32),
}


def images(name: str, seed: int, batch: int) -> Tensor:
    """Smooth structure with noise on it; the axes and the channels differ."""
    network = NETWORKS[name]
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(batch, 3, 6, 5, generator=generator)
    size = (network.height, network.width)
    smooth = F.interpolate(coarse, size=size, mode="bicubic", align_corners=False)
    noise = torch.randn(batch, 3, *size, generator=generator)
    picture = smooth + 0.3 * noise + torch.tensor([0.3, -0.2, 0.1]).view(1, 3, 1, 1)
    return (picture * 50 + 120).clamp(0, 255).round() if network.pixels else picture


@torch.no_grad()
def build(name: str, seed: int = 0) -> nn.Module:
    """The network with its weights: every parameter random, statistics measured on images."""
    torch.manual_seed(1000 + seed)
    net = NETWORKS[name].build()
    generator = torch.Generator().manual_seed(2000 + seed)
    for module in net.modules():
        _randomise(module, generator)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.reset_running_stats()
    if norms:
        net.train()
        for step in range(4):
            net(images(name, 3000 + step, 8))
    return net.eval()


def _randomise(module: nn.Module, generator: torch.Generator) -> None:
    """Weights of unit gain, scales about 1, shifts about 0; nothing at its telling default."""

    def normal(tensor: Tensor, mean: float, std: float) -> None:
        tensor.copy_(mean + std * torch.randn(tensor.shape, generator=generator))

    is_norm = isinstance(module, (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm))
    for name, parameter in module.named_parameters(recurse=False):
        if is_norm:
            normal(parameter, 1.0 if name == "weight" else 0.0, 0.2)
        elif name == "weight" and parameter.dim() > 1:
            normal(parameter, 0.0, (1.6 / parameter[0].numel()) ** 0.5)
        elif name in ("gamma", "scale"):
            normal(parameter, 0.6, 0.2)
        else:
            normal(parameter, 0.0, 0.3)

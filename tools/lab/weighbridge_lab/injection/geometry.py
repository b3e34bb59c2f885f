"""Where windows lie: padding, pooling, sampling grids."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..inception import InceptionA, InceptionC, InceptionE
from .bug import MODEL, Bug, Patient, Site
from .subject import Subject


class PaddedConv2d(nn.Module):
    """A convolution that pads by itself: (left, right, top, bottom)."""

    def __init__(self, conv: nn.Conv2d, padding: tuple[int, int, int, int]) -> None:
        super().__init__()
        # Not as child modules: nothing but this module's own result is recorded.
        self.weight, self.bias = conv.weight, conv.bias
        self.padding = padding
        self.arguments = {
            "stride": conv.stride, "dilation": conv.dilation, "groups": conv.groups,
        }

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, self.padding), self.weight, self.bias, **self.arguments)


class PaddedMaxPool2d(nn.Module):
    """A max pooling that pads by itself."""

    def __init__(self, pool: nn.MaxPool2d, padding: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = pool.kernel_size, pool.stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(F.pad(x, self.padding, value=-torch.inf), self.kernel, self.stride)


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME: the odd pixel goes to the end."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def _same(subject: Subject) -> Iterator[Site]:
    """Strided windows where SAME pads less at the start than at the end."""
    for path, module in subject.modules(nn.Conv2d, nn.MaxPool2d):
        padding = module.padding
        padding = padding if isinstance(padding, tuple) else (padding, padding)
        if padding[0] == 0 or module.stride not in (2, (2, 2)):
            continue
        if getattr(module, "dilation", 1) not in (1, (1, 1)):
            continue
        kernel = module.kernel_size
        kernel = kernel if isinstance(kernel, int) else kernel[0]
        height, width = subject.first_input(path).shape[2:]
        top, bottom = same_padding(height, kernel, 2)
        left, right = same_padding(width, kernel, 2)
        if (top, left) != padding:
            yield _padded(path, module, (left, right, top, bottom))


def _shifted(subject: Subject) -> Iterator[Site]:
    """At stride 1: all of the padding at the end."""
    for path, module in subject.modules(nn.Conv2d):
        vertical, horizontal = module.padding
        if module.stride == (1, 1) and vertical + horizontal > 0:
            yield _padded(path, module, (0, 2 * horizontal, 0, 2 * vertical))


def _padded(path: str, module: nn.Module, padding: tuple[int, int, int, int]) -> Site:
    wrapper = PaddedConv2d if isinstance(module, nn.Conv2d) else PaddedMaxPool2d

    def damage(patient: Patient) -> None:
        patient.replace(path, wrapper(patient.module(path), padding))

    return Site(path, (path,), damage)


def _ceil_mode(subject: Subject) -> Iterator[Site]:
    for path, module in subject.modules(nn.MaxPool2d):
        shape = subject.first_input(path).shape[2:]
        pool = nn.MaxPool2d(module.kernel_size, module.stride, module.padding, ceil_mode=True)
        before, after = (p(torch.zeros(1, 1, *shape)).shape for p in (module, pool))
        # The other networks go on with any size; `stn` flattens its maps.
        if before != after and subject.row != "stn":

            def damage(patient: Patient, path: str = path) -> None:
                patient.module(path).ceil_mode = True

            yield Site(path, (path,), damage)


def _count_include_pad(subject: Subject) -> Iterator[Site]:
    """Only what lies inside counts: the pools before `branch_pool` are functions."""
    for path, _ in subject.modules(InceptionA, InceptionC, InceptionE):

        def damage(patient: Patient, path: str = path) -> None:
            # The block's input, pooled in the other way, is what its last branch receives.
            block = patient.module(path)
            seen: list[Tensor] = []
            block.register_forward_pre_hook(_remember(seen))
            block.branch_pool.register_forward_pre_hook(_pooled_inside(seen))

        yield Site(f"{path}.branch_pool", (f"{path}.branch_pool.conv", path), damage)


def _remember(seen: list[Tensor]) -> Callable[..., None]:
    def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        seen[:] = [args[0]]

    return hook


def _pooled_inside(seen: list[Tensor]) -> Callable[..., tuple[Tensor]]:
    def hook(_: nn.Module, __: tuple[Tensor, ...]) -> tuple[Tensor]:
        return (F.avg_pool2d(seen[0], 3, stride=1, padding=1, count_include_pad=False),)

    return hook


def _align_corners(subject: Subject) -> Iterator[Site]:
    if subject.row == "stn":

        def damage(patient: Patient) -> None:
            patient.model.align_corners = not patient.model.align_corners

        # The root samples, and its first child after that receives the picture.
        yield Site("stn", ("conv1",), damage)


BUGS = [
    Bug("padding-same", "stride 2", MODEL, _same),
    Bug("padding-same", "stride 1", MODEL, _shifted),
    Bug("ceil-mode", "max pooling", MODEL, _ceil_mode),
    Bug("count-include-pad", "average pooling", MODEL, _count_include_pad),
    Bug("align-corners", "sampling", MODEL, _align_corners),
]

"""Modules wired wrongly, and modules that are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..inception import InceptionA, InceptionB, InceptionC, InceptionD, InceptionE
from ..lvc import Encoding, LightMLPBlock
from ..ram import ActionNetwork
from ..senet import SEBasicBlock, SEBottleneck, SELayer
from ..sknet import SKConv
from ..vit import Residual
from .activations import joined
from .bug import CHECKPOINT, MODEL, Bug, Patient, Site
from .layouts import tensor_site
from .subject import Subject


class PassThrough(nn.Module):
    """What a skipped module does."""

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        return x


def gate_of(layer: SELayer, x: Tensor) -> Tensor:
    return layer.fc(layer.avg_pool(x).flatten(1))[:, :, None, None]


class AddedGate(SELayer):
    """x + gate."""

    def forward(self, x: Tensor) -> Tensor:
        return x + gate_of(self, x)


class ResidualGate(SELayer):
    """x * (1 + gate)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + gate_of(self, x))


class GateTwice(SELayer):
    """x * gate * gate."""

    def forward(self, x: Tensor) -> Tensor:
        gate = gate_of(self, x)
        return x * gate * gate


class GateAlone(SELayer):
    """The gate itself, spread over the image."""

    def forward(self, x: Tensor) -> Tensor:
        return gate_of(self, x).expand_as(x)


class LateBasicBlock(SEBasicBlock):
    """Squeeze-and-excitation after the sum."""

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        residual = x if self.downsample is None else self.downsample(x)
        return self.relu(self.se(out + residual))


class LateBottleneck(SEBottleneck):
    """Squeeze-and-excitation after the sum."""

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn3(self.conv3(self.relu(self.bn2(self.conv2(out)))))
        residual = x if self.downsample is None else self.downsample(x)
        return self.relu(self.se(out + residual))


class InterleavedSKConv(SKConv):
    """Scores that count the branches fastest."""

    def forward(self, x: Tensor) -> Tensor:
        branches = [branch(x) for branch in self.conv]
        scores = self.fc2(self.fc1(self.global_pool(torch.stack(branches).sum(dim=0))))
        weights = self.softmax(scores.reshape(-1, self.out_channels, self.M, 1).transpose(1, 2))
        return sum(b * weights[:, i, :, :, None] for i, b in enumerate(branches))


class CrossedSKConv(SKConv):
    """Each branch weighed with the other's attention."""

    def forward(self, x: Tensor) -> Tensor:
        branches = [branch(x) for branch in self.conv]
        scores = self.fc2(self.fc1(self.global_pool(torch.stack(branches).sum(dim=0))))
        weights = self.softmax(scores.reshape(-1, self.M, self.out_channels, 1)).flip(1)
        return sum(b * weights[:, i, :, :, None] for i, b in enumerate(branches))


class WrongEncoding(Encoding):
    """Softmax over the positions in place of the codes."""

    def forward(self, x: Tensor) -> Tensor:
        features = x.flatten(2).transpose(1, 2)
        difference = features[:, :, None, :] - self.codewords
        assignment = (self.scale * difference.pow(2).sum(dim=3)).softmax(dim=1)
        return (assignment[..., None] * difference).sum(dim=1)


class WrongAction(ActionNetwork):
    """Softmax over the batch."""

    def forward(self, hidden: Tensor) -> Tensor:
        return F.log_softmax(self.fc(hidden), dim=0)


class UsedLinear(LightMLPBlock):
    """Applies the linear layer that is never applied."""

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        return self.linear(out.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _becoming(
    kinds: dict[type[nn.Module], type[nn.Module]], child: str | None = "", *accepts: str
) -> Callable[[Subject], Iterator[Site]]:
    """Sites where a module becomes another; `child` shows it first ("": itself)."""

    def sites(subject: Subject) -> Iterator[Site]:
        for kind, changed in kinds.items():
            for path, _ in subject.modules(kind):

                def damage(
                    patient: Patient, path: str = path, changed: type[nn.Module] = changed
                ) -> None:
                    patient.become(path, changed)

                shown = joined(path, child)
                yield Site(
                    path or subject.row, (shown,) if path == "" else (shown, path), damage, accepts
                )

    return sites


def _softmax_axis(subject: Subject) -> Iterator[Site]:
    for path, module in subject.modules(nn.Softmax):
        rank = len(subject.recording.activations[path].shape)

        def damage(patient: Patient, path: str = path, rank: int = rank) -> None:
            patient.module(path).dim = rank - 1 if rank == 3 else 0

        yield Site(path, (path,), damage)


def _branch_rows(subject: Subject) -> Iterator[Site]:
    for path, module in subject.modules(SKConv):

        def change(w: Tensor, count: int = module.M) -> Tensor:
            return w.unflatten(0, (count, -1)).transpose(0, 1).flatten(0, 1)

        yield from tensor_site(subject, joined(path, "fc2.weight"), change, "channels-regrouped")


def _skipped(*kinds: type[nn.Module], accepts: tuple[str, ...] = ()) -> Callable:
    """Modules that hand their input on; none of their children is called."""

    def sites(subject: Subject) -> Iterator[Site]:
        for path, module in subject.modules(*kinds):
            changes_shape = getattr(module, "downsample", None) is not None
            if path and not changes_shape:
                yield Site(
                    path, (path,), lambda p, path=path: p.replace(path, PassThrough()), accepts
                )

    return sites


def _used_gates(subject: Subject) -> Iterator[Site]:
    """Applies one of Inception's layers that are never called, to the block's input."""
    kinds = (InceptionA, InceptionB, InceptionC, InceptionD, InceptionE)
    for path, _ in subject.modules(*kinds):

        def damage(patient: Patient, path: str = path) -> None:
            block = patient.module(path)
            block.register_forward_pre_hook(lambda block, args: (block.SELayer(args[0]),))

        # The block's first convolution receives what the layer made of the input.
        first = next(name for name in subject.order if name.startswith(f"{path}."))
        yield Site(f"{path}.SELayer", (first, path), damage)


def _used_linear(subject: Subject) -> Iterator[Site]:
    for path, _ in subject.modules(LightMLPBlock):
        yield Site(
            f"{path}.linear", (path,), lambda p, path=path: p.become(path, UsedLinear)
        )


BUGS = [
    Bug("se-wiring", "added", MODEL, _becoming({SELayer: AddedGate})),
    Bug("se-wiring", "residual gate", MODEL, _becoming({SELayer: ResidualGate})),
    Bug("se-wiring", "gate twice", MODEL, _becoming({SELayer: GateTwice})),
    Bug("se-wiring", "gate alone", MODEL, _becoming({SELayer: GateAlone})),
    Bug(
        "se-wiring", "after the sum", MODEL,
        _becoming({SEBasicBlock: LateBasicBlock, SEBottleneck: LateBottleneck}, "se.avg_pool"),
    ),
    Bug("branch-order", "in the model", MODEL, _becoming({SKConv: InterleavedSKConv}, "softmax")),
    Bug("branch-order", "rows", CHECKPOINT, _branch_rows),
    Bug("branch-order", "crossed", MODEL, _becoming({SKConv: CrossedSKConv})),
    Bug("softmax-axis", "module", MODEL, _softmax_axis),
    Bug("softmax-axis", "encoding", MODEL, _becoming({Encoding: WrongEncoding})),
    Bug("softmax-axis", "classes", MODEL, _becoming({ActionNetwork: WrongAction})),
    Bug("module-skipped", "gate", MODEL, _skipped(SELayer, accepts=("se-wiring",))),
    Bug("module-skipped", "block", MODEL, _skipped(SEBasicBlock, SEBottleneck, Residual)),
    Bug("module-skipped", "norm", MODEL, _skipped(_BatchNorm, nn.LayerNorm, nn.GroupNorm)),
    Bug("module-skipped", "unused gate", MODEL, _used_gates),
    Bug("module-skipped", "unused linear", MODEL, _used_linear),
]

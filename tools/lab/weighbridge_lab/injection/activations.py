"""Activations of another form, and those that never happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..detr import TransformerEncoderLayer
from ..inception import BasicConv2d
from ..ram import CoreNetwork, GlimpseNetwork, LocationNetwork
from .bug import MODEL, Bug, Patient, Site
from .subject import Subject


class QuickGELU(nn.Module):
    """x * sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


# Modules that apply relu as a function, with another slope in place of it (1: none at all).


class SlopedBasicConv2d(BasicConv2d):
    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.bn(self.conv(x)), self.slope)


class SlopedGlimpse(GlimpseNetwork):
    def forward(self, x: Tensor, location: Tensor) -> Tensor:
        what = self.fc3(F.leaky_relu(self.fc1(self.retina(x, location)), self.slope))
        where = self.fc4(F.relu(self.fc2(location)))
        return F.relu(what + where)


class SlopedCore(CoreNetwork):
    def forward(self, glimpse: Tensor, hidden: Tensor) -> Tensor:
        return F.leaky_relu(self.i2h(glimpse) + self.h2h(hidden), self.slope)


class SlopedLocation(LocationNetwork):
    """Changes the relu before `fc_lt`."""

    def forward(self, hidden: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        features = self.fc_lt(F.leaky_relu(self.fc(hidden), self.slope))
        mean = torch.tanh(features)
        location = mean + self.std * epsilon
        log_density = -0.5 * epsilon**2 - torch.log(2 * torch.pi * torch.tensor(self.std) ** 2) / 2
        return log_density.sum(dim=1), location.clamp(-1, 1)


class SlopedEncoderLayer(TransformerEncoderLayer):
    def forward(self, src: Tensor, padding: Tensor | None, pos: Tensor) -> Tensor:
        query = src + pos
        attended, _ = self.self_attn(
            query, query, src, key_padding_mask=padding, need_weights=False
        )
        src = self.norm1(src + self.dropout1(attended))
        fed = self.linear2(self.dropout(F.leaky_relu(self.linear1(src), self.slope)))
        return self.norm2(src + self.dropout2(fed))


# The class that applies relu as a function; what it becomes; which of its children, or itself
# (""), shows it first.
FUNCTIONAL = {
    BasicConv2d: (SlopedBasicConv2d, ""),
    GlimpseNetwork: (SlopedGlimpse, "fc3"),
    CoreNetwork: (SlopedCore, ""),
    LocationNetwork: (SlopedLocation, "fc_lt"),
    TransformerEncoderLayer: (SlopedEncoderLayer, "dropout"),
}


def joined(path: str, child: str) -> str:
    """A child's path; the root's own result is an output."""
    return ".".join(part for part in (path, child) if part) or "outputs/0"


def _replaced(
    kind: type[nn.Module], make: Callable[[], nn.Module], *accepts: str
) -> Callable[[Subject], Iterator[Site]]:
    def sites(subject: Subject) -> Iterator[Site]:
        for path, _ in subject.modules(kind):

            def damage(patient: Patient, path: str = path) -> None:
                patient.replace(path, make())

            yield Site(path, (path,), damage, accepts)

    return sites


def _sloped(slope: float, *accepts: str) -> Callable[[Subject], Iterator[Site]]:
    """Another slope where relu is a function."""

    def sites(subject: Subject) -> Iterator[Site]:
        for kind, (changed, child) in FUNCTIONAL.items():
            for path, _ in subject.modules(kind):

                def damage(
                    patient: Patient, path: str = path, changed: type[nn.Module] = changed
                ) -> None:
                    patient.become(path, changed, slope=slope)

                shown = joined(path, child)
                paths = (shown,) if path == "" else (shown, path)
                yield Site(path or subject.row, paths, damage, accepts)

    return sites


BUGS = [
    Bug("gelu-form", "tanh", MODEL, _replaced(nn.GELU, lambda: nn.GELU(approximate="tanh"))),
    Bug("gelu-form", "quick", MODEL, _replaced(nn.GELU, QuickGELU)),
    Bug("activation-slope", "0.01", MODEL, _replaced(nn.ReLU, lambda: nn.LeakyReLU(0.01))),
    Bug("activation-slope", "0.2", MODEL, _replaced(nn.ReLU, lambda: nn.LeakyReLU(0.2))),
    Bug("activation-slope", "function 0.1", MODEL, _sloped(0.1)),
    Bug("hard-sigmoid", "module", MODEL, _replaced(nn.Sigmoid, nn.Hardsigmoid)),
    Bug(
        "activation-skipped", "relu", MODEL,
        _replaced(nn.ReLU, nn.Identity, "module-skipped"),
    ),
    Bug("activation-skipped", "gelu", MODEL, _replaced(nn.GELU, nn.Identity, "module-skipped")),
    Bug(
        "activation-skipped", "sigmoid", MODEL,
        _replaced(nn.Sigmoid, nn.Identity, "module-skipped"),
    ),
    Bug("activation-skipped", "silu", MODEL, _replaced(nn.SiLU, nn.Identity, "module-skipped")),
    Bug("activation-skipped", "function", MODEL, _sloped(1.0, "module-skipped")),
]

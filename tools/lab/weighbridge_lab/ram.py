"""Recurrent attention: a retina that glimpses at a location, and the network around it.

Rows: `retina`, `glimpse_network`, `recurrent_attention`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from weighbridge_recorder import ToolError


class Retina(nn.Module):
    """Concentric square crops of an image around a location, brought to one size.

    Patch i has the size `int(s * size of patch i-1)`, starting from `g`. Every crop starts at
    `trunc(0.5 * ((l + 1) * H))` of the zero-padded image on both axes: H even for x. That index
    is always computed in float32: float64 flips it next to grid points, and the reference in
    float64 must look at the same pixels.
    """

    def __init__(self, g: int, k: int, s: float) -> None:
        super().__init__()
        self.g, self.k = g, k
        self.sizes = [g]
        for _ in range(k - 1):
            self.sizes.append(int(s * self.sizes[-1]))
        for size in self.sizes:
            if size < g or size // (size // g) != g:
                raise ToolError(
                    f"retina: a patch of {size} cannot be pooled to g={g}: size // (size // g) "
                    f"must be g (g={g}, k={k}, s={s})"
                )

    def forward(self, x: Tensor, location: Tensor) -> Tensor:
        """x [B,C,H,W], location [B,2] as (x,y) in [-1,1] -> [B, k*g*g*C]."""
        patches = []
        for size in self.sizes:
            patch = self._crop(x, location, size)
            if size != self.g:
                patch = F.avg_pool2d(patch, size // self.g)
            patches.append(patch)
        return torch.cat(patches, dim=1).flatten(1)

    def _crop(self, x: Tensor, location: Tensor, size: int) -> Tensor:
        height = x.shape[2]
        start = (0.5 * ((location.float() + 1.0) * height)).long().tolist()
        padded = F.pad(x, [size // 2] * 4)
        crops = []
        for image, (column, line) in zip(padded, start):
            crop = image[:, line : line + size, column : column + size]
            if line < 0 or column < 0 or crop.shape[1:] != (size, size):
                raise ToolError(
                    f"retina: the crop of {size}x{size} at row {line}, column {column} leaves "
                    f"the padded image of {padded.shape[2]}x{padded.shape[3]}"
                )
            crops.append(crop)
        return torch.stack(crops)


class GlimpseNetwork(nn.Module):
    """What is seen and where, in one vector of h_g + h_l."""

    def __init__(self, h_g: int, h_l: int, g: int, k: int, s: float, c: int) -> None:
        super().__init__()
        self.retina = Retina(g, k, s)
        self.fc1 = nn.Linear(k * g * g * c, h_g)
        self.fc2 = nn.Linear(2, h_l)
        self.fc3 = nn.Linear(h_g, h_g + h_l)
        self.fc4 = nn.Linear(h_l, h_g + h_l)

    def forward(self, x: Tensor, location: Tensor) -> Tensor:
        what = self.fc3(F.relu(self.fc1(self.retina(x, location))))
        where = self.fc4(F.relu(self.fc2(location)))
        return F.relu(what + where)


class CoreNetwork(nn.Module):
    """h' = relu(i2h g + h2h h)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, glimpse: Tensor, hidden: Tensor) -> Tensor:
        return F.relu(self.i2h(glimpse) + self.h2h(hidden))


class LocationNetwork(nn.Module):
    """Where to look next: returns (log_pi [B], l [B,2]).

    The noise that the original draws even in eval mode is the argument `epsilon` here.
    `single_layer` is the form of old checkpoints: `fc` [2,H] alone.
    """

    def __init__(self, hidden_size: int, std: float, single_layer: bool) -> None:
        super().__init__()
        self.std = std
        if single_layer:
            self.fc = nn.Linear(hidden_size, 2)
            self.fc_lt = None
        else:
            self.fc = nn.Linear(hidden_size, hidden_size // 2)
            self.fc_lt = nn.Linear(hidden_size // 2, 2)

    def forward(self, hidden: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        features = self.fc(hidden)
        if self.fc_lt is not None:
            features = self.fc_lt(F.relu(features))
        mean = torch.tanh(features)
        location = mean + self.std * epsilon
        deviation = (location - mean) / self.std
        log_density = -0.5 * deviation**2 - math.log(self.std) - 0.5 * math.log(2 * math.pi)
        return log_density.sum(dim=1), location.clamp(-1, 1)


class ActionNetwork(nn.Module):
    """Class log-probabilities."""

    def __init__(self, hidden_size: int, num_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, hidden: Tensor) -> Tensor:
        return F.log_softmax(self.fc(hidden), dim=1)


class BaselineNetwork(nn.Module):
    """The value estimate [B,1]."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.fc = nn.Linear(hidden_size, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.fc(hidden)


class RecurrentAttention(nn.Module):
    """One step: inputs x, l, h[, epsilon]; outputs h', l', baseline, log-probabilities, log_pi."""

    def __init__(
        self,
        g: int,
        k: int,
        s: float,
        c: int,
        h_g: int,
        h_l: int,
        std: float,
        hidden_size: int,
        num_classes: int,
        single_layer_locator: bool = False,
    ) -> None:
        super().__init__()
        if hidden_size != h_g + h_l:
            raise ToolError(
                f"recurrent_attention: hidden_size={hidden_size} must be h_g + h_l = {h_g + h_l}"
            )
        self.sensor = GlimpseNetwork(h_g, h_l, g, k, s, c)
        self.rnn = CoreNetwork(h_g + h_l, hidden_size)
        self.locator = LocationNetwork(hidden_size, std, single_layer_locator)
        self.classifier = ActionNetwork(hidden_size, num_classes)
        self.baseliner = BaselineNetwork(hidden_size)

    def forward(
        self, x: Tensor, location: Tensor, hidden: Tensor, epsilon: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        if epsilon is None:
            epsilon = torch.zeros_like(location)
        glimpse = self.sensor(x, location)
        hidden = self.rnn(glimpse, hidden)
        log_pi, location = self.locator(hidden, epsilon)
        baseline = self.baseliner(hidden)
        log_probabilities = self.classifier(hidden)
        return hidden, location, baseline, log_probabilities, log_pi

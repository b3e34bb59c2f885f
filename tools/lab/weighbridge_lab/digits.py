"""scikit-learn's handwritten digits as 28x28 images, and the training of two networks on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Generator, Tensor, nn

HELD_BACK = 360
SIDE = 28


@dataclass(frozen=True)
class Digits:
    """Images [N,1,28,28] in [0,1] with labels [N], for training and held back from it."""

    train_images: Tensor
    train_labels: Tensor
    held_back_images: Tensor
    held_back_labels: Tensor


def load() -> Digits:
    """The 1797 digits in a fixed split with equal shares of every class."""
    data = load_digits()
    small = torch.from_numpy(data.images.astype(np.float32))[:, None] / 16
    images = F.interpolate(small, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    labels = torch.from_numpy(data.target.astype(np.int64))
    train, held_back = train_test_split(
        np.arange(len(labels)), test_size=HELD_BACK, random_state=0, stratify=data.target
    )
    return Digits(images[train], labels[train], images[held_back], labels[held_back])


def distorted(images: Tensor, generator: Generator) -> Tensor:
    """Each image turned by up to 20 degrees, scaled by 0.9 to 1.1, shifted by up to 2 pixels."""
    count = len(images)

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle, scale = uniform(np.pi / 9), 1 + uniform(0.1)
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    shift_x, shift_y = uniform(4 / SIDE), uniform(4 / SIDE)
    rows = [torch.stack([cosine, -sine, shift_x], 1), torch.stack([sine, cosine, shift_y], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def train(model: nn.Module, digits: Digits, *, epochs: int, seed: int) -> None:
    """Adam with a cosine schedule on cross-entropy; the same seed gives the same weights."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    count, batch = len(digits.train_labels), 64
    steps = epochs * (count // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(count, generator=generator)
        for start in range(0, count - batch + 1, batch):
            chosen = order[start : start + batch]
            images = distorted(digits.train_images[chosen], generator)
            optimiser.zero_grad()
            # log_softmax of a log_softmax is itself: this serves both kinds of head.
            F.cross_entropy(model(images), digits.train_labels[chosen]).backward()
            optimiser.step()
            schedule.step()
    model.eval()


@torch.no_grad()
def held_back_outputs(model: nn.Module, digits: Digits) -> Tensor:
    """The model's outputs [N,10] on the digits held back."""
    return model.eval()(digits.held_back_images)


def accuracy(outputs: Tensor, digits: Digits) -> float:
    return float((outputs.argmax(1) == digits.held_back_labels).double().mean())

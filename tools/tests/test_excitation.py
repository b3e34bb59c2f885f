"""Inputs that excite little are said."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from weighbridge_recorder import record

RANDOM = torch.rand(2, 3, 5, 5)
DEAD = RANDOM * torch.tensor([1.0, 0.0, 1.0]).reshape(1, 3, 1, 1)
NAN = torch.where(RANDOM > 0.9, torch.nan, RANDOM)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.zeros(2, 3, 5, 5), "inputs/0 is all zeros"),
        (torch.full((2, 3, 5, 5), 0.5), "inputs/0 is the same value throughout"),
        (DEAD, r"inputs/0 is all zeros at \[:, 1\]"),
        (NAN, "NaN or infinite values"),
    ],
)
def test_idle_inputs_are_said(tensor: Tensor, words: str, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=words):
        record(nn.Conv2d(3, 4, 1), tensor, tmp_path / "r.npz")


def test_random_inputs_are_not(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record(nn.Conv2d(3, 4, 1), RANDOM, tmp_path / "r.npz")
        record(nn.Embedding(3, 4), torch.zeros(2, 3, dtype=torch.long), tmp_path / "e.npz")


class Functional(nn.Module):
    """Functions called without modules, in place and as methods."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 20)
        self.scale, self.shift = scale, shift

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.relu(self.fc(x) + self.shift, inplace=True)
        return (self.fc(x) * self.scale).softmax(-1) + y


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Functional(1.0, -1e3), "20 of 20 rectifier units in the model never open"),
        (Functional(1e6, 0.0), "32 of 32 softmax rows in the model have all weight on one entry"),
        (nn.Sequential(Functional(1.0, -1e3), nn.ReLU()), "20 of 20 rectifier units in 0 never"),
        (nn.Sequential(nn.Linear(6, 20), nn.Threshold(-9, 0), nn.Softmax(-1)), None),
        (nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Softmax(-1)), None),
    ],
)
def test_dead_rectifiers_and_decided_softmaxes_are_said(
    model: nn.Module, words: str | None, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    x = torch.randn(32, 6)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        recording = record(model, x, tmp_path / "r.npz")
    texts = [str(w.message) for w in said]
    assert any(words in text for text in texts) if words else not texts
    assert not recording.not_repeatable

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

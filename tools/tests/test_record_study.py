"""The study of recorded networks: what it counts as exact, close, limited and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from weighbridge_lab import small_networks
from weighbridge_lab.record_study import __main__ as study
from weighbridge_lab.record_study import networks
from weighbridge_recorder import Recording


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that has the small networks."""

    def make(library: str, name: str, batch: int) -> Any:
        return small_networks.made(name, 4)

    monkeypatch.setattr(study, "make", make)
    monkeypatch.setattr(study, "LIBRARIES", {"small": ["resnet", "limited", "missing"]})


def test_networks_are_counted(small: None, tmp_path: Path) -> None:
    path = tmp_path / "recorded.md"
    assert study.main(["--library", "small", "--markdown", str(path)]) == 0
    text = path.read_text()
    assert "**1 of 2** networks run from their recording, 1 of them bit for bit" in text
    assert "| `resnet` | small | exact |" in text
    assert "| `limited` | small | limited |" in text and "small_networks.py:" in text
    assert "| `missing` | small | not made |" in text


@pytest.mark.parametrize(
    ("factor", "exact", "wrong"), [(1.0, True, 0), (1 + 1e-6, False, 0), (1.01, False, 1)]
)
def test_results_are_compared_by_their_size(factor: float, exact: bool, wrong: int) -> None:
    recorded = np.linspace(1, 2, 12, dtype=np.float32).reshape(3, 4)
    comparison = study.Comparison(Recording(activations={"a": recorded}))
    comparison.visit("a", 0, torch.from_numpy(recorded) * factor)
    assert (comparison.is_exact, len(comparison.wrong)) == (exact, wrong)
    comparison.visit("a", 1, torch.ones(3, 4))
    comparison.visit("a", 0, torch.ones(4, 3))
    assert len(comparison.wrong) == wrong + 2


def test_every_network_is_named_once() -> None:
    for names in networks.LIBRARIES.values():
        assert len(names) == len(set(names))
    assert sum(len(names) for names in networks.LIBRARIES.values()) == 179

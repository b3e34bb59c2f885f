"""What the recorder does where PyTorch does things of its own: fast paths, chance, dtypes, wrappers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from weighbridge_recorder import record, run
from weighbridge_recorder.storage import read_metadata


def test_encoder_layers_are_recorded_without_their_fast_path(tmp_path: Path) -> None:
    """With a padding mask it returns nested tensors, and it never calls the modules inside."""
    torch.manual_seed(3)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2)
    x, mask = torch.randn(2, 5, 8), torch.zeros(2, 5, dtype=torch.bool)
    mask[1, 3:] = True
    assert torch.backends.mha.get_fastpath_enabled()
    recording = record(model, [x], tmp_path / "r.npz", kwargs={"src_key_padding_mask": mask})
    assert torch.backends.mha.get_fastpath_enabled()
    assert "layers.1.linear2" in recording.activations
    assert recording.outputs[0].shape == (2, 5, 8)
    assert read_metadata(tmp_path / "r.npz")["fast_path"] == "off"
    assert "fast path of encoder layers off" in recording.summary()


def test_the_fast_path_is_put_back_after_a_failure() -> None:
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1)
    with pytest.raises(AssertionError):
        run(model, [torch.randn(2, 5, 9)])
    assert torch.backends.mha.get_fastpath_enabled()


def test_where_float32_overflows_alone_there_is_no_noise() -> None:
    class Overflows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Linear(1, 1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.scale(x)

    model = Overflows()
    nn.init.constant_(model.scale.weight, 3e38)
    recording = run(model, [torch.tensor([[0.1], [7.0], [-7.0]])])
    assert np.isinf(recording.outputs[0]).sum() == 2
    assert np.isfinite(recording.noise["scale"]).all()
    assert np.isfinite(recording.noise["outputs/0"]).all()


class Chancy(nn.Module):
    """Dropout that stays on in eval mode, behind a layer that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(nn.functional.dropout(self.first(x)))


def test_chance_is_recorded_as_such_and_never_as_noise(tmp_path: Path) -> None:
    recording = record(Chancy(), torch.randn(3, 16), tmp_path / "r.npz")
    assert recording.not_repeatable == ["second", "outputs/0"]
    assert set(recording.noise) == {"first"}
    metadata = read_metadata(tmp_path / "r.npz")
    assert metadata["not_repeatable"] == ["second", "outputs/0"]
    assert metadata["classes"]["first"] == "torch.nn.modules.linear.Linear"
    assert metadata["classes"][""].endswith(".Chancy")
    assert "dtypes" not in metadata and "autocast" not in metadata


def test_dtypes_are_recorded_where_they_are_stored_wider(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
    record(net.bfloat16(), torch.randn(2, 4).bfloat16(), tmp_path / "b.npz")
    assert read_metadata(tmp_path / "b.npz")["dtypes"] == dict.fromkeys(
        ["activations/0", "activations/1", "outputs/0"], "bfloat16"
    )
    with torch.autocast("cpu", torch.bfloat16):
        record(net.float(), torch.randn(2, 4), tmp_path / "a.npz")
    metadata = read_metadata(tmp_path / "a.npz")
    assert metadata["autocast"] == "bfloat16"
    assert metadata["dtypes"]["activations/0"] == "bfloat16"


@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile])
def test_wrappers_leave_no_trace_in_names(wrap: Any) -> None:
    inner = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    names = list(run(inner, torch.randn(2, 4)).activations)
    assert list(run(wrap(inner), torch.randn(2, 4)).activations) == names
    inner[1] = wrap(inner[1])
    recording = run(inner, torch.randn(2, 4))
    assert list(recording.activations) == names == ["0", "1.0", "1.1", "1"]
    assert set(recording.classes) == {"", *names} == {"", "0", "1", "1.0", "1.1"}
    assert set(recording.noise) == {*names, "outputs/0"}

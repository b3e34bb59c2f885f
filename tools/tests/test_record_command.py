"""The command that records: what it says when something does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from weighbridge_lab.record_command import main
from weighbridge_lab.registry import build
from weighbridge_recorder import record
from weighbridge_recorder.storage import read_arrays, read_metadata

MASKED = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)
    def forward(self, x, *, mask):
        return self.fc(x * mask)
def make():
    return Net(), [torch.ones(1, 3)], {'mask': torch.tensor([[1.0, 0.0, 1.0]])}
def bare():
    return Net()
"""


def test_a_references_own_inputs_go_where_they_went(tmp_path: Path) -> None:
    source = tmp_path / "masked.py"
    source.write_text(MASKED)
    first, second = str(tmp_path / "first.npz"), str(tmp_path / "second.npz")
    assert main(["--module", f"{source}:make", "--output", first]) == 0
    assert main(["--module", f"{source}:bare", "--inputs", first, "--output", second]) == 0
    for name, array in read_arrays(Path(first)).items():
        if name.startswith(("inputs/", "outputs/")):
            np.testing.assert_array_equal(read_arrays(Path(second))[name], array)
    assert read_metadata(Path(second))["input_names"] == ["mask"]


def _error(arguments: list[str], capsys: pytest.CaptureFixture) -> str:
    capsys.readouterr()
    assert main(arguments) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_inputs_that_the_model_does_not_take(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    source, output = tmp_path / "masked.py", str(tmp_path / "out.npz")
    source.write_text(MASKED)
    np.savez(tmp_path / "two.npz", **{"inputs/0": np.ones((1, 3)), "inputs/1": np.ones((1, 3))})
    inputs = ["--inputs", str(tmp_path / "two.npz"), "--output", output]
    assert "does not take these inputs" in _error(["--module", f"{source}:bare", *inputs], capsys)


def test_a_module_file_with_a_package_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    source = tmp_path / "needs.py"
    source.write_text("import package_that_is_nowhere\n")
    said = _error(["--module", f"{source}:make", "--output", str(tmp_path / "x.npz")], capsys)
    assert "package_that_is_nowhere" in said and "environment of your own" in said


def test_weights_of_another_configuration(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    weights, output = tmp_path / "merging.npz", str(tmp_path / "out.npz")
    state = build("patch_merging", {"dim": 4}).state_dict()
    np.savez(weights, **{name: tensor.numpy() for name, tensor in state.items()})
    row = ["--model", "patch_merging", "--weights", str(weights), "--output", output]
    said = _error(row, capsys)
    assert "norm.weight is [48], not [12]" in said
    assert "weighbridge map" in said and "--config" in said
    assert main([*row, "--config", "dim=4"]) == 0


@pytest.mark.parametrize("id", ["vit", "detr_encoder", "patch_merging", "sk_conv", "se_resnet18"])
def test_the_norms_eps_is_a_key(id: str) -> None:
    key = "ln_eps" if id in ("vit", "detr_encoder", "patch_merging") else "bn_eps"
    kind = torch.nn.LayerNorm if key == "ln_eps" else torch.nn.BatchNorm2d
    norms = [m.eps for m in build(id, {key: 1e-3}).modules() if isinstance(m, kind)]
    assert norms and set(norms) == {1e-3}
    assert 1e-3 not in {m.eps for m in build(id).modules() if isinstance(m, kind)}


def test_sides_that_are_no_multiple_of_the_patch(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = [f"--config={pair}" for pair in ("image_size=32", "patch_size=8", "dim=16")]
    said = _error(
        ["--model", "vit", *config, "--size", "20x20", "--output", str(tmp_path / "x.npz")], capsys
    )
    assert "patch_size=8" in said and "20x20" in said


def test_a_recording_is_short_at_the_prompt(tmp_path: Path) -> None:
    recording = record(torch.nn.Sequential(torch.nn.ReLU()), torch.ones(2), tmp_path / "x.npz")
    assert repr(recording) == "Recording(1 output, 1 activation)"

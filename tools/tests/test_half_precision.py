"""References that PyTorch made in half precision, judged by the command: README's advice, tried."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn
from weighbridge_lab.initialise import random_model
from weighbridge_lab.live import ROOT
from weighbridge_lab.registry import InputOptions, row
from weighbridge_recorder import export, record

BINARY = ROOT / ".build/release/weighbridge"
pytestmark = pytest.mark.skipif(not BINARY.is_file(), reason="the command is not built")

ROW, SIZE = "vit", None
CONFIG = {
    "image_size": 28, "patch_size": 7, "num_classes": 7, "dim": 60, "depth": 2, "heads": 5,
    "mlp_dim": 50, "channels": 1,
}
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def made() -> tuple[nn.Module, dict, list[torch.Tensor]]:
    """A network with weights and inputs that bfloat16 has, so that only its results are rounded."""
    config = row(ROW).config(CONFIG)
    model = random_model(ROW, config, 5, SIZE).eval()
    generator = torch.Generator().manual_seed(6)
    inputs = row(ROW).inputs(config, 2, generator, InputOptions(size=SIZE))
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(tensor.to(torch.bfloat16).to(torch.float32))
    return model, row(ROW).metadata_config(config), [x.bfloat16().float() for x in inputs]


def validate(folder: Path, weights: str, reference: str, *further: str) -> tuple[int, dict]:
    command = [
        BINARY, "validate", "--model", ROW, "--weights", folder / weights,
        "--reference", folder / reference, "--json", "-", *further,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def perturbed(model: nn.Module) -> nn.Module:
    """One kernel with the signs of half of its rows turned."""
    other = copy.deepcopy(model)
    name = "transformer.layers.1.1.fn.fn.net.0.weight"
    weight = dict(other.named_parameters())[name]
    with torch.no_grad():
        weight[::2] *= -1
    return other


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "autocast"])
@pytest.mark.parametrize("noise", [True, False])
def test_right_weights_pass_and_wrong_ones_fail(tmp_path: Path, kind: str, noise: bool) -> None:
    model, config, inputs = made()
    export(model.state_dict(), tmp_path / "right.npz")
    export(perturbed(model).state_dict(), tmp_path / "wrong.npz")
    reference = tmp_path / "reference.npz"
    if kind == "autocast":
        with torch.autocast("cpu", dtype=torch.bfloat16):
            record(model, inputs, reference, model_id=ROW, config=config, noise=noise)
    else:
        half = copy.deepcopy(model).to(DTYPES[kind])
        given = [x.to(DTYPES[kind]) for x in inputs]
        record(half, given, reference, model_id=ROW, config=config, noise=noise)
    for oracle in ("auto", "never"):
        status, report = validate(tmp_path, "right.npz", reference.name, "--oracle", oracle)
        assert status == 0, report["headline"]
        precision = report["precision"]
        assert precision["dtype"] == ("float16" if kind == "float16" else "bfloat16")
        assert (precision["autocast"] == "bfloat16") == (kind == "autocast")
        assert 0 < precision["hides_at_most"] < 0.5
        assert "may not show" in report["headline"]
        status, report = validate(tmp_path, "wrong.npz", reference.name, "--oracle", oracle)
        assert status == 1
        assert report["first_divergence"].startswith("transformer.layers.1.1.fn")


@pytest.mark.parametrize("name", DTYPES)
def test_weights_that_were_rounded(tmp_path: Path, name: str) -> None:
    """Against float32's activations they fail; against a reference that was recorded with the rounded
    weights they pass, and with the tolerance that README names."""
    full = row(ROW).config(CONFIG)
    config = row(ROW).metadata_config(full)
    model = random_model(ROW, full, 7, SIZE).eval()
    inputs = row(ROW).inputs(full, 2, torch.Generator().manual_seed(8), InputOptions(size=SIZE))
    rounded = copy.deepcopy(model).to(DTYPES[name]).float()
    record(model, inputs, tmp_path / "exact.npz", model_id=ROW, config=config)
    record(rounded, inputs, tmp_path / "rounded.npz", model_id=ROW, config=config)
    export(rounded.state_dict(), tmp_path / "weights.npz")
    export(perturbed(rounded).state_dict(), tmp_path / "wrong.npz")
    tolerance = ("--rtol", "1e-2", "--atol", "5e-2")
    assert validate(tmp_path, "weights.npz", "exact.npz")[0] == 1
    assert validate(tmp_path, "weights.npz", "rounded.npz")[0] == 0
    status, report = validate(tmp_path, "weights.npz", "exact.npz", *tolerance)
    assert status == 0, report["headline"]
    assert validate(tmp_path, "wrong.npz", "exact.npz", *tolerance)[0] == 1

"""What the recorder says when it is given something else than a network, or a place to write to."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from weighbridge_recorder import ToolError, export, record, run

FORMATS = [".npz", ".h5", ".safetensors"]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU())


EXAMPLE = torch.tensor([[1.0, -2.0, 0.5]])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("net.pth", "must be a torch.nn.Module, not a str"),
        (nn.ReLU, "ReLU is a class and no network: hand over ReLU(...)"),
        (network().state_dict(), "this is a state dict and no network"),
        (torch.jit.script(network()), "a ScriptModule runs as a whole"),
        (torch.jit.trace(network(), EXAMPLE), "a ScriptModule runs as a whole"),
        (torch.export.export(network(), (EXAMPLE,)), "an exported program runs as a whole"),
        (torch.export.export(network(), (EXAMPLE,)).module(), "an exported program runs as a whole"),
        (nn.DataParallel(torch.jit.script(network())), "a ScriptModule runs as a whole"),
    ],
)
def test_what_is_no_network_is_called_what_it_is(model: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(ToolError) as raised:
        record(model, EXAMPLE, tmp_path / "r.npz")
    assert words in str(raised.value)
    with pytest.raises(ToolError):
        run(model, EXAMPLE)
    assert not list(tmp_path.iterdir())


class Functional(nn.Module):
    """Uses what a module has and never calls it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.fc.weight)


def test_a_network_that_calls_none_of_its_modules() -> None:
    with pytest.warns(UserWarning, match="none of its 1 modules was called"):
        run(Functional(), EXAMPLE)


def test_a_compiled_part_hides_what_is_in_it() -> None:
    model = nn.Sequential(torch.jit.script(network()), nn.Linear(4, 2))
    with pytest.warns(UserWarning, match="compiled by torch.jit, and not recorded: 0;"):
        recording = run(model, EXAMPLE)
    assert set(recording.activations) == {"1"}


def test_a_network_is_not_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(network(), EXAMPLE)
        run(torch.fx.symbolic_trace(network()), EXAMPLE)
        run(nn.ReLU(), EXAMPLE)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_missing_folder_is_said_before_anything_runs(suffix: str, tmp_path: Path) -> None:
    class Never(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise AssertionError("the network ran")

    missing = tmp_path / "missing"
    for call in (
        lambda path: record(Never(), EXAMPLE, path),
        lambda path: export(network(), path),
    ):
        with pytest.raises(ToolError, match="the folder .*missing does not exist: make it first"):
            call(missing / f"r{suffix}")
        missing.touch()
        with pytest.raises(ToolError, match="the folder .*missing is no folder"):
            call(missing / f"r{suffix}")
        missing.unlink()
        (tmp_path / f"r{suffix}").mkdir(exist_ok=True)
        with pytest.raises(ToolError, match="is a folder or a device"):
            call(tmp_path / f"r{suffix}")
        with pytest.raises(ToolError, match="the extension must be"):
            call(tmp_path / "r.bin")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ToolError, match=r"r\.npz cannot be written: Permission denied"):
        export(network(), tmp_path / "r.npz")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("net.pth", "must be a torch.nn.Module or its state dict, not a str"),
        ({"state_dict": network().state_dict()}, "the member state_dict is a OrderedDict"),
        ({"epoch": 3}, "the member epoch is a int and no tensor"),
    ],
)
def test_what_is_no_state_dict(source: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(ToolError) as raised:
        export(source, tmp_path / "w.npz")
    assert words in str(raised.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_inputs_that_are_no_numbers_are_warned_of(bad: float, tmp_path: Path) -> None:
    one = torch.tensor(bad)
    for inputs in ([EXAMPLE, one], [EXAMPLE.clone().fill_(bad), torch.tensor(1.0)]):
        with pytest.warns(UserWarning, match="NaN or infinite values: they hide what is wrong"):
            record(Scaled(), inputs, tmp_path / "r.npz")


def test_outputs_that_are_no_numbers_are_warned_of(tmp_path: Path) -> None:
    model = network()
    nn.init.constant_(model[0].bias, float("nan"))
    with pytest.warns(UserWarning, match="outputs/0 holds 4 NaN of 4 values"):
        record(model, EXAMPLE, tmp_path / "r.npz")


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        return self.fc(x) * scale


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_permissions_of_the_umask(suffix: str, mask: int, tmp_path: Path) -> None:
    path = tmp_path / f"r{suffix}"
    before = os.umask(mask)
    try:
        record(network(), EXAMPLE, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
        export(network(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    finally:
        os.umask(before)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_is_replaced_keeps_its_permissions(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"r{suffix}"
    path.touch()
    path.chmod(0o640)
    export(network(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_floats_of_eight_bits_become_float32(tmp_path: Path) -> None:
    export({"w": torch.tensor([0.5, -2.0]).to(torch.float8_e4m3fn)}, tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as archive:
        assert archive["w"].dtype == np.float32 and archive["w"].tolist() == [0.5, -2.0]

"""The exporter's formats, and the random weights it is mostly fed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from weighbridge_lab import ROWS
from weighbridge_lab.initialise import random_model
from weighbridge_lab.registry import InputOptions
from weighbridge_recorder import HDF5Options, export, run
from weighbridge_recorder.export_command import main
from weighbridge_recorder.storage import read_state_dict

STATE = {
    "layer.0.weight": torch.arange(24, dtype=torch.float32).view(2, 3, 4),
    "layer.0.bias": torch.tensor([0.5, -0.5], dtype=torch.float16),
    "layer.1.num_batches_tracked": torch.tensor(9),
    "mask": torch.tensor([True, False]),
    "transposed": torch.arange(6, dtype=torch.float64).view(2, 3).t(),
}

FILTERED = HDF5Options(nested=True, gzip=4, shuffle=True, fletcher32=True)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.npz", {}),
        ("a.npz", {"deflate": True}),
        ("a.h5", {}),
        ("a.h5", {"hdf5": HDF5Options(chunks=True)}),
        ("a.hdf5", {"hdf5": FILTERED}),
        ("a.safetensors", {}),
    ],
)
def test_round_trip(tmp_path: Path, name: str, options: dict) -> None:
    path = tmp_path / name
    export(STATE, path, **options)
    read = read_state_dict(path)
    assert set(read) == set(STATE)
    for key, tensor in STATE.items():
        assert read[key].dtype == tensor.dtype and read[key].shape == tensor.shape
        assert torch.equal(read[key], tensor)


def test_npz_is_stored_and_numpy_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    export(STATE, path)
    with zipfile.ZipFile(path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert list(np.load(path).files) == list(STATE)


def test_hdf5_layout_and_filters(tmp_path: Path) -> None:
    flat, nested = tmp_path / "flat.h5", tmp_path / "nested.h5"
    export(STATE, flat)
    export(STATE, nested, hdf5=FILTERED)
    with h5py.File(flat) as file:
        assert file["layer.0.weight"].chunks is None
    with h5py.File(nested) as file:
        dataset = file["layer/0/weight"]
        assert (dataset.compression, dataset.shuffle, dataset.fletcher32) == ("gzip", True, True)
        assert file["layer/1/num_batches_tracked"].shape == ()


def test_the_same_state_makes_the_same_npz(tmp_path: Path) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    export(STATE, one)
    export(STATE, two)
    assert one.read_bytes() == two.read_bytes()


def test_command_converts_the_type_of_floats_only(tmp_path: Path) -> None:
    source, target = tmp_path / "a.pth", tmp_path / "a.npz"
    torch.save({"state_dict": STATE}, source)
    assert main([str(source), str(target), "--dtype", "f64"]) == 0
    read = read_state_dict(target)
    assert read["layer.0.bias"].dtype == torch.float64
    assert read["layer.1.num_batches_tracked"].dtype == torch.int64
    assert main([str(source), str(tmp_path / "a.bin")]) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (STATE, []),
        ({"model": STATE, "best": torch.tensor(0.5)}, ["member 'model'"]),
        ({"net": STATE, "epoch": 3}, ["member 'net'"]),
        ({"model": {"state_dict": STATE}}, ["member 'model'", "member 'state_dict'"]),
        ({"model": STATE, "ema": STATE}, ["member 'model'", "--key ema"]),
        ({"ema": STATE, "epoch": 3}, ["member 'ema'", "these are averaged (EMA) weights"]),
        ({"state_dict": {**STATE, "version": 2}}, ["member 'state_dict'", "left out, no tensors"]),
    ],
)
def test_wrapped_state_dicts_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture, content: dict, says: list[str]
) -> None:
    source, target = tmp_path / "a.pth", tmp_path / "a.npz"
    torch.save(content, source)
    assert main([str(source), str(target)]) == 0
    assert set(read_state_dict(target)) == set(STATE)
    told = capsys.readouterr().err
    assert all(text in told for text in says) and len(told.splitlines()) == len(says)


def test_a_key_chooses_the_member(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source, target = tmp_path / "a.ckpt", tmp_path / "a.npz"
    torch.save({"model": STATE, "ema": {"module": {"w": torch.ones(1)}}}, source)
    assert main([str(source), str(target), "--key", "ema.module"]) == 0
    assert set(read_state_dict(target)) == {"w"}
    assert main([str(source), str(target), "--key", "ema.other"]) == 1
    assert "there is no other in it (--key ema.other): its members are module" in (
        capsys.readouterr().err
    )
    assert main([str(target), str(tmp_path / "b.npz"), "--key", "ema"]) == 1


def test_files_without_a_state_dict_give_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    whole, list_, deep, text = (tmp_path / f"{n}.pth" for n in ("whole", "list", "deep", "text"))
    torch.save(torch.nn.Linear(1, 1), whole)
    torch.save([1, 2], list_)
    torch.save({"weights": {"w": torch.ones(1)}, "epoch": 3}, deep)
    text.write_text("hello")
    for path, says in (
        (whole, "torch.save(model.state_dict(), ...)"),
        (list_, "it holds a list and no state dict"),
        (deep, "its members are weights, epoch; --key NAME says where"),
        (text, "text.pth"),
    ):
        assert main([str(path), str(tmp_path / "a.npz")]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1 and says in lines[0]
    assert not (tmp_path / "a.npz").exists()


# The deeper networks of a family have nothing that the shallowest lacks.
DEEPER = {"se_resnet34", "se_resnet50", "se_resnet101", "se_resnet152", "sknet101"}
SHALLOW = {"vit": {"depth": 2}, "detr_encoder": {"num_encoder_layers": 2}}


@pytest.mark.parametrize("id", sorted(set(ROWS) - DEEPER))
def test_random_weights_keep_activations_sane(id: str) -> None:
    row = ROWS[id]
    config = row.config(SHALLOW.get(id))
    size = (64, 64) if id.startswith(("se_resnet", "sknet")) else None
    model = random_model(id, config, 3, size)
    inputs = row.inputs(config, 2, torch.Generator().manual_seed(4), InputOptions(size=size))
    recording = run(model, inputs, noise=False)
    for name, values in recording.activations.items():
        assert np.isfinite(values).all(), name
        assert np.abs(values).max() < 100, name


def test_a_seed_gives_the_same_weights_again() -> None:
    config = ROWS["se_bottleneck"].config()
    one, two, other = (random_model("se_bottleneck", config, s).state_dict() for s in (3, 3, 4))
    assert all(torch.equal(tensor, two[key]) for key, tensor in one.items())
    assert not torch.equal(one["conv1.weight"], other["conv1.weight"])

"""From a picture to an answer: the input that torchvision made is what the command makes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from weighbridge_lab.initialise import random_model
from weighbridge_lab.live import ROOT
from weighbridge_lab.registry import row
from weighbridge_recorder import export, record
from weighbridge_recorder.errors import ToolError

BINARY = ROOT / ".build/release/weighbridge"
PICTURES = ROOT / "fixtures/images"
CONFIG = {
    "image_size": 20, "patch_size": 5, "num_classes": 7, "dim": 24, "depth": 2, "heads": 3,
    "mlp_dim": 30, "channels": 3,
}
NAMES = ["cat", "dog", "tench", "kite", "newt", "lynx", "hen"]
built = pytest.mark.skipif(not BINARY.is_file(), reason="the command is not built")


def command(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    """A network and one reference for each of two transforms, of pictures that torchvision made."""
    model = random_model("vit", row("vit").config(CONFIG), 3, None).eval()
    export(model, tmp_path / "net.npz")
    made = np.load(PICTURES / "transformed.npz")
    outputs = {}
    for name, transform in {
        "pillow": "resize=24,crop=20,normalize=imagenet",
        "tensor": "tensor,resize=24,crop=20,normalize=imagenet",
    }.items():
        x = torch.from_numpy(made[transform])
        record(
            model, [x], tmp_path / f"{name}.npz", model_id="vit",
            config=row("vit").metadata_config(CONFIG), pictures=[PICTURES / "photo.png"],
            transform=transform,
        )
        outputs[name] = model(x).detach()
    (tmp_path / "labels.txt").write_text("\n".join(NAMES) + "\n")
    return tmp_path, outputs


def test_pictures_are_a_list_with_a_transform(tmp_path: Path) -> None:
    for pictures, transform in ((["a.png"], None), (None, "crop=3"), ("a.png", "crop=3"), ([], "x")):
        with pytest.raises(ToolError, match="list of files"):
            record(
                torch.nn.Identity(), [torch.ones(1)], tmp_path / "r.npz", pictures=pictures,
                transform=transform,
            )


@built
@pytest.mark.parametrize("name", ["pillow", "tensor"])
def test_the_pipeline_is_proved(files: tuple[Path, dict], name: str) -> None:
    folder, _ = files
    arguments = ["validate", "--weights", folder / "net.npz", "--reference", folder / f"{name}.npz"]
    right = command(*arguments, "--image", PICTURES / "photo.png", "--json", "-")
    assert right.returncode == 0, right.stderr
    notes = json.loads(right.stdout)["notes"]
    assert any(note.startswith("inputs/0 is what") for note in notes), notes
    other = command(*arguments, "--image", PICTURES / "photo.jpg")
    assert other.returncode == 1
    assert "is not the picture that was recorded" in other.stdout
    wrong = command(
        *arguments, "--image", PICTURES / "photo.png", "--transform",
        "resize=24:bicubic,crop=20,normalize=imagenet", "--json", "-",
    )
    assert wrong.returncode == 1
    differences = json.loads(wrong.stdout)["other_differences"]
    assert len(differences) == 1
    assert differences[0].startswith("inputs/0 is not what resize=24:bicubic"), differences
    small = command(*arguments, "--image", PICTURES / "photo.png", "--transform", "crop=9")
    assert small.returncode == 1
    assert "makes [1, 3, 9, 9]" in small.stdout


@built
def test_run_names_the_likeliest_classes(files: tuple[Path, dict]) -> None:
    folder, outputs = files
    run = ["run", "--weights", folder / "net.npz", "--config", "heads=3"]
    transform = ["--transform", "resize=24,crop=20,normalize=imagenet"]
    pictures = ["--image", PICTURES / "photo.png", PICTURES / "alpha.png"]
    done = command(
        *run, *transform, *pictures, "--classes", folder / "labels.txt", "--top", 3,
        "--output", folder / "out.npz",
    )
    assert done.returncode == 0, done.stderr
    shares = outputs["pillow"].softmax(dim=1)[0]
    best = shares.argsort(descending=True)[:3]
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.endswith("photo.png:"))
    for line, label in zip(lines[start + 1 : start + 4], best.tolist(), strict=True):
        share, name = line.split("%")
        assert name.strip() == NAMES[label]
        assert abs(float(share) - 100 * shares[label].item()) <= 0.051
    assert lines[start + 4].endswith("alpha.png:")
    written = np.load(folder / "out.npz")["outputs/0"]
    assert np.abs(written[0] - outputs["pillow"][0].numpy()).max() < 1e-4

    assert command(*run, *pictures).returncode == 64
    assert "--transform as in training" in command(*run, *pictures).stderr
    assert command(*run, *transform).returncode == 64
    assert command(*run).returncode == 64
    both = command(*run, *transform, *pictures, "--input", folder / "pillow.npz")
    assert "both given" in both.stderr
    sizes = command(*run, "--transform", "resize=24", "--image", PICTURES / "photo.png")
    assert sizes.returncode == 2
    assert "Transform pictures as in training" in sizes.stderr
    (folder / "few.txt").write_text("one\ntwo\n")
    few = command(*run, *transform, *pictures, "--classes", folder / "few.txt")
    assert few.returncode == 64
    assert "names 2, and the network has 7" in few.stderr


@built
@pytest.mark.parametrize("ending", [torch.nn.Identity(), torch.nn.Softmax(1)])
def test_what_is_a_distribution_is_shown_as_it_is(tmp_path: Path, ending: torch.nn.Module) -> None:
    torch.manual_seed(5)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 7, 5, 5), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), ending
    ).eval()
    transform = "resize=24,crop=20,normalize=imagenet"
    x = torch.from_numpy(np.load(PICTURES / "transformed.npz")[transform])
    export(net, tmp_path / "net.npz")
    record(net, [x], tmp_path / "reference.npz", network=True)
    run = command(
        "run", "--model", "recorded", "--weights", tmp_path / "net.npz", "--reference",
        tmp_path / "reference.npz", "--image", PICTURES / "photo.png", "--transform", transform, "--top", "7",
    )
    assert run.returncode == 0, run.stderr
    output = net(x).detach()
    shares = output if isinstance(ending, torch.nn.Softmax) else output.softmax(1)
    shown = {
        int(line.split("class")[1]): float(line.split("%")[0])
        for line in run.stdout.splitlines() if " class " in line
    }
    assert len(shown) == 7
    for index, share in enumerate(shares[0].tolist()):
        assert abs(shown[index] - 100 * share) < 0.06, run.stdout
    # For programs, the same with more digits.
    answer = command(
        "run", "--model", "recorded", "--weights", tmp_path / "net.npz", "--reference",
        tmp_path / "reference.npz", "--image", PICTURES / "photo.png", "--transform", transform, "--top", "7",
        "--json", "-",
    )
    (picture,) = json.loads(answer.stdout)["answers"]
    assert picture["sample"].endswith("photo.png")
    assert [entry["name"] for entry in picture["classes"]] == [None] * 7
    for entry in picture["classes"]:
        assert abs(entry["share"] - shares[0, entry["index"]].item()) < 1e-5

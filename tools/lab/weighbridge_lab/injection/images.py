"""What is done to a picture before the first layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .bug import CHECKPOINT, MODEL, Bug, Patient, Site
from .layouts import tensor_site
from .subject import Subject

# The first layer that sees the picture, for models that take colour pictures.
COLOUR = {
    "patch_embed": "proj",
    "se_resnet18": "conv1",
    "se_resnet50": "conv1",
    "se_inception3": "model.Conv2d_1a_3x3.conv",
    "sknet50": "conv.0",
    "vit": "patch_to_embedding",
}
GRAY = {"stn": "localization.0"}

IMAGENET = (torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225]))
HALVES = (torch.full((3,), 0.5), torch.full((3,), 0.5))
MNIST = (torch.tensor([0.1307]), torch.tensor([0.3081]))


def _reversed_weight(subject: Subject) -> Iterator[Site]:
    if subject.row not in COLOUR:
        return
    name = f"{COLOUR[subject.row]}.weight"

    def change(w: Tensor) -> Tensor:
        # A linear layer over patches counts the channels fastest.
        return w.flip(1) if w.dim() == 4 else w.unflatten(1, (-1, 3)).flip(2).flatten(1)

    yield from tensor_site(subject, name, change)


def _fed(change: Callable[[Tensor], Tensor], rows: dict[str, str]) -> Callable:
    """The reference's model changes the picture itself."""

    def sites(subject: Subject) -> Iterator[Site]:
        if subject.row in rows:

            def damage(patient: Patient) -> None:
                patient.feed("", change)

            yield Site("the picture", (rows[subject.row],), damage)

    return sites


def _normalized(mean: Tensor, deviation: Tensor) -> Callable[[Tensor], Tensor]:
    def change(x: Tensor) -> Tensor:
        return (x - mean.to(x)[:, None, None]) / deviation.to(x)[:, None, None]

    return change


BUGS = [
    Bug("channels-reversed", "weight", CHECKPOINT, _reversed_weight),
    Bug("channels-reversed", "picture", MODEL, _fed(lambda x: x.flip(1), COLOUR)),
    Bug("input-normalization", "ImageNet", MODEL, _fed(_normalized(*IMAGENET), COLOUR)),
    Bug("input-normalization", "halves", MODEL, _fed(_normalized(*HALVES), COLOUR)),
    Bug("input-normalization", "bytes", MODEL, _fed(lambda x: x / 255, {**COLOUR, **GRAY})),
    Bug("input-normalization", "MNIST", MODEL, _fed(_normalized(*MNIST), GRAY)),
]

"""Weights whose values are all there, in another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from .bug import CHECKPOINT, MODEL, Bug, Patient, Site
from .subject import Subject


def reordered(name: str, change: Callable[[Tensor], Tensor]) -> Callable[[Patient], None]:
    """Damage that replaces one tensor of the checkpoint."""

    def damage(patient: Patient) -> None:
        patient.state[name] = change(patient.state[name]).contiguous()

    return damage


def tensor_site(
    subject: Subject, name: str, change: Callable[[Tensor], Tensor], *accepts: str
) -> Iterator[Site]:
    """The place of one tensor, unless the change leaves it as it is."""
    tensor = subject.model.state_dict()[name]
    changed = change(tensor)
    if changed.shape != tensor.shape:
        raise ValueError(f"{name}: the change alters its shape")
    if not torch.equal(changed, tensor):
        yield Site(name, (subject.owner(name),), reordered(name, change), accepts)


def linear_weights(subject: Subject) -> list[str]:
    """The two-dimensional weights of linear maps, attention's own included."""
    found = []
    for path, module in subject.model.named_modules():
        called = path in subject.order
        if isinstance(module, nn.Linear) and (called or path.endswith("self_attn.out_proj")):
            found.append(f"{path}.weight")
    return sorted(found, key=lambda name: subject.order.get(subject.owner(name), 0))


def conv_weights(subject: Subject) -> list[str]:
    return [f"{path}.weight" for path, _ in subject.modules(nn.Conv2d)]


def _shape(subject: Subject, name: str) -> torch.Size:
    return subject.model.state_dict()[name].shape


def _transposed(subject: Subject) -> Iterator[Site]:
    """A square matrix fits either way round; any other is refused by its shape."""
    for name in linear_weights(subject):
        rows, columns = _shape(subject, name)
        if rows == columns:
            yield from tensor_site(subject, name, lambda w: w.t(), "fortran-order")


def permuted_bytes(order: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """The bytes of a permuted tensor under the shape of the original."""
    return lambda w: w.permute(order).reshape(w.shape)


LAYOUTS = {
    "HWIO": (2, 3, 1, 0),
    "OHWI": (0, 2, 3, 1),
    "IOHW": (1, 0, 2, 3),
    "OIWH": (0, 1, 3, 2),
    # HWIO to OIHW done once more on what is OIHW already.
    "transposed twice": (3, 2, 0, 1),
}


def _layout(order: tuple[int, ...]) -> Callable[[Subject], Iterator[Site]]:
    def sites(subject: Subject) -> Iterator[Site]:
        for name in conv_weights(subject):
            outputs, inputs, height, width = _shape(subject, name)
            accepts = ["fortran-order"]
            if height == width == 1:
                accepts.append("linear-transposed")
            if subject.row == "patch_embed":
                accepts.append("patch-order")
            yield from tensor_site(subject, name, permuted_bytes(order), *accepts)

    return sites


def _fortran(subject: Subject) -> Iterator[Site]:
    for name in linear_weights(subject):
        yield from tensor_site(subject, name, permuted_bytes((1, 0)), "linear-transposed")
    for name in conv_weights(subject):
        accepts = ["weight-layout"]
        if _shape(subject, name)[2:] == (1, 1):
            accepts.append("linear-transposed")
        yield from tensor_site(subject, name, permuted_bytes((3, 2, 1, 0)), *accepts)


def _flipped(axes: tuple[int, ...]) -> Callable[[Subject], Iterator[Site]]:
    def sites(subject: Subject) -> Iterator[Site]:
        for name in conv_weights(subject):
            yield from tensor_site(subject, name, lambda w: w.flip(axes))

    return sites


def _grouped(subject: Subject) -> list[tuple[str, nn.Conv2d]]:
    return [
        (path, module) for path, module in subject.modules(nn.Conv2d)
        if module.groups > 1 and module.groups < module.out_channels
    ]


def _regrouped_weight(subject: Subject) -> Iterator[Site]:
    """Output channels counted group-fastest."""
    for path, module in _grouped(subject):
        shape = (module.groups, -1)

        def change(w: Tensor, shape: tuple[int, int] = shape) -> Tensor:
            return w.unflatten(0, shape).transpose(0, 1).reshape(w.shape)

        yield from tensor_site(subject, f"{path}.weight", change)


def _regrouped_input(subject: Subject) -> Iterator[Site]:
    """Input channels dealt to the groups in turn."""
    for path, module in _grouped(subject):

        def damage(
            patient: Patient, path: str = path, shape: tuple[int, int] = (-1, module.groups)
        ) -> None:
            patient.feed(
                path, lambda x: x.unflatten(1, shape).transpose(1, 2).reshape(x.shape)
            )

        yield Site(path, (path,), damage)


def _flattened_maps(subject: Subject) -> dict[str, tuple[int, int, int]]:
    """Linear layers that read a flattened map, with its channels, height and width."""
    if subject.row == "stn":
        return {"fc_loc.0": (10, 3, 3), "fc1": (20, 4, 4)}
    config = subject.config
    if subject.row in ("glimpse_network", "recurrent_attention"):
        path = "fc1" if subject.row == "glimpse_network" else "sensor.fc1"
        return {path: (config["k"] * config["c"], config["g"], config["g"])}
    return {}


def _channels_last(x: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """[B, c*h*w] in the order (h,w,c)."""
    return x.unflatten(1, shape).permute(0, 2, 3, 1).flatten(1)


def _flatten_columns(subject: Subject) -> Iterator[Site]:
    for path, shape in _flattened_maps(subject).items():
        yield from tensor_site(
            subject, f"{path}.weight", lambda w, shape=shape: _channels_last(w, shape)
        )


def _flatten_input(subject: Subject) -> Iterator[Site]:
    for path, shape in _flattened_maps(subject).items():

        def damage(
            patient: Patient, path: str = path, shape: tuple[int, int, int] = shape
        ) -> None:
            patient.feed(path, lambda x: _channels_last(x, shape))

        yield Site(path, (path,), damage)


def _patch_columns(subject: Subject) -> Iterator[Site]:
    """The columns of a projection of patches in the order (c,p1,p2), not (p1,p2,c)."""
    if subject.row == "vit":
        side, channels = subject.config["patch_size"], subject.config["channels"]

        def change(w: Tensor) -> Tensor:
            return w.unflatten(1, (side, side, channels)).permute(0, 3, 1, 2).flatten(1)

        yield from tensor_site(
            subject, "patch_to_embedding.weight", change, "weight-layout", "flatten-order"
        )


BUGS = [
    Bug("linear-transposed", "square", CHECKPOINT, _transposed),
    *(
        Bug("weight-layout", layout, CHECKPOINT, _layout(order))
        for layout, order in LAYOUTS.items()
    ),
    Bug("weight-flipped", "both axes", CHECKPOINT, _flipped((2, 3))),
    Bug("weight-flipped", "left-right", CHECKPOINT, _flipped((3,))),
    Bug("fortran-order", "one tensor", CHECKPOINT, _fortran),
    Bug("channels-regrouped", "outputs", CHECKPOINT, _regrouped_weight),
    Bug("channels-regrouped", "inputs", MODEL, _regrouped_input),
    Bug("flatten-order", "columns", CHECKPOINT, _flatten_columns),
    Bug("flatten-order", "input", MODEL, _flatten_input),
    Bug("patch-order", "columns", CHECKPOINT, _patch_columns),
]

"""The healthy models that bugs are put into: small configurations, each recorded once."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from weighbridge_recorder import Recording, run

from ..initialise import calibrate, random_model
from ..registry import InputOptions, row


@dataclass(frozen=True)
class Specification:
    """A configuration that shows bugs: even sizes, square matrices, more than one of everything.

    Attributes:
        sites: how many places at most are tried with each bug; fewer in slow models.
        embedding: scales what a transformer's tokens start from. Trained ones start small, and eps
            shows in small tokens only.
        calm: shifts what batch norms hand to a relu by one deviation. Depth multiplies the noise of
            a random network by 1.2 at every relu, to a thousandfold, in which bugs drown; a trained
            one is not like that.
    """

    row: str
    config: dict[str, Any] = field(default_factory=dict)
    batch: int = 2
    size: tuple[int, int] | None = None
    tag: str = ""
    sites: int = 2
    embedding: float = 1.0
    calm: bool = False

    @property
    def name(self) -> str:
        return f"{self.row} {self.tag}".strip()


SHRINK = 0.1
# Images by which a calmed network's running statistics are measured anew.
CALM_BATCH = 4

# Parameters of modules that compute between their children: who receives the result first.
RECEIVERS = {
    "pos_embedding": "dropout",
    "cls_token": "dropout",
    "l_MLP.layer_scale_1": "l_MLP.drop_path",
    "l_MLP.layer_scale_2": "l_MLP.drop_path",
}


class Subject:
    """A model with random weights, its inputs, and what a healthy run of it records."""

    def __init__(self, specification: Specification, seed: int) -> None:
        chosen = row(specification.row)
        self.specification = specification
        whole = chosen.config(specification.config)
        self.config = chosen.metadata_config(whole)
        self.whole = whole
        seed = zlib.crc32(f"{seed} {specification.name}".encode())
        self.model: nn.Module = random_model(specification.row, whole, seed, specification.size)
        self._shrink_tokens(specification.embedding)
        options = InputOptions(size=specification.size)
        generator = torch.Generator().manual_seed(seed + 1)
        self.inputs: list[Tensor] = chosen.inputs(whole, specification.batch, generator, options)
        if specification.calm:
            self._calm(generator)
        self._shrink_convolutions()
        self.recording: Recording = run(self.model, self.inputs)
        self._inputs: dict[str, Tensor] = {}
        self.order: dict[str, int] = {}
        for entry in self.recording.activations:
            self.order.setdefault(entry.partition("/")[0].partition("#")[0], len(self.order))

    @torch.no_grad()
    def _shrink_tokens(self, factor: float) -> None:
        for name, tensor in self.model.named_parameters():
            if name.startswith(("pos_embedding", "cls_token", "patch_to_embedding.")):
                tensor.mul_(factor)

    @torch.no_grad()
    def _calm(self, generator: torch.Generator) -> None:
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.bias.add_(1)
        specification = self.specification
        options = InputOptions(size=specification.size)
        inputs = row(specification.row).inputs(self.whole, CALM_BATCH, generator, options)
        calibrate(self.model, inputs, generator)

    @torch.no_grad()
    def _shrink_convolutions(self) -> None:
        """Makes what every batch norm reads from a convolution ten times smaller, as it often is
        in trained networks; the norm undoes it. With variances of 1 its eps would not show."""
        called: list[nn.Module] = []
        handles = [
            module.register_forward_hook(lambda module, *_: called.append(module))
            for module in self.model.modules()
            if not list(module.children())
        ]
        self.model(*self.inputs)
        for handle in handles:
            handle.remove()
        for conv, norm in zip(called, called[1:]):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, _BatchNorm) and conv.bias is None:
                conv.weight.mul_(SHRINK)
                norm.running_mean.mul_(SHRINK)
                norm.running_var.mul_(SHRINK**2)

    @property
    def row(self) -> str:
        return self.specification.row

    def state(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def modules(self, *kinds: type[nn.Module]) -> list[tuple[str, nn.Module]]:
        """The modules of these classes that the forward pass calls, in execution order; the root
        included, whose path is empty."""
        found = [
            (path, module)
            for path, module in self.model.named_modules()
            if isinstance(module, kinds) and (path == "" or path in self.order)
        ]
        return sorted(found, key=lambda item: self.order.get(item[0], -1))

    def owner(self, tensor: str) -> str:
        """The recorded module whose output shows first that this parameter is wrong."""
        if tensor in RECEIVERS:
            return RECEIVERS[tensor]
        path = tensor.rpartition(".")[0]
        while path and path not in self.order:
            path = path.rpartition(".")[0]
        return path or "outputs/0"

    def tensors(self) -> list[str]:
        """The floating-point tensors that the forward pass uses, in execution order."""
        called = {path for path, _ in self.modules(nn.Module)}
        found = []
        for name, tensor in self.model.state_dict().items():
            path = name.rpartition(".")[0]
            # Attention applies its projection without calling it.
            live = path in called or path.endswith("self_attn.out_proj")
            if live and tensor.is_floating_point():
                found.append(name)
        return sorted(found, key=lambda name: self.order.get(self.owner(name), len(self.order)))

    def earliest(self, paths: list[str]) -> str:
        """The one of these modules that returns first."""
        return min(paths, key=lambda path: self.order.get(path, len(self.order)))

    def first_input(self, path: str) -> Tensor:
        """The first argument of a module's first call."""
        if not self._inputs:
            self._record_inputs()
        return self._inputs[path]

    @torch.no_grad()
    def _record_inputs(self) -> None:
        handles = []
        for path, module in self.model.named_modules():

            def hook(_: nn.Module, args: tuple, path: str = path) -> None:
                if args:
                    self._inputs.setdefault(path, args[0].clone())

            handles.append(module.register_forward_pre_hook(hook))
        self.model(*self.inputs)
        for handle in handles:
            handle.remove()


SPECIFICATIONS: list[Specification] = [
    Specification("retina", {"g": 4, "k": 2, "s": 2}),
    Specification("glimpse_network", {"g": 4, "k": 2, "s": 2, "c": 3, "h_g": 24, "h_l": 20}),
    Specification(
        "recurrent_attention",
        {"g": 4, "k": 2, "s": 2, "h_g": 24, "h_l": 24, "hidden_size": 48, "num_classes": 7},
        batch=3,
    ),
    Specification("patch_embed", {"img_size": 24, "patch_size": 4, "embed_dim": 48}),
    Specification("patch_merging", {"dim": 5, "c": 2}, size=(6, 6)),
    Specification("stn", batch=3),
    Specification("se_layer", {"channel": 24, "reduction": 1}, size=(6, 7), tag="square"),
    Specification("se_layer", {"channel": 32, "reduction": 4, "se_bias": True}, size=(6, 7)),
    Specification(
        "se_bottleneck",
        {"inplanes": 24, "planes": 20, "stride": 2, "downsample": True, "reduction": 8},
        size=(12, 10),
        tag="strided",
    ),
    Specification(
        "se_bottleneck", {"inplanes": 64, "planes": 16, "reduction": 8}, size=(9, 7), batch=3
    ),
    Specification("se_resnet18", {"num_classes": 10}, size=(48, 64), sites=2, calm=True),
    Specification("se_resnet50", {"num_classes": 7}, size=(48, 32), sites=1, calm=True),
    Specification(
        "se_inception3", {"num_classes": 10, "aux_logits": False}, batch=1, sites=1, calm=True
    ),
    Specification(
        "sk_conv",
        {"in_channels": 64, "out_channels": 96, "M": 2, "r": 4, "L": 8},
        size=(9, 10),
        sites=3,
    ),
    Specification(
        "sk_block", {"inplanes": 96, "planes": 64, "stride": 2, "downsample": True}, size=(10, 12)
    ),
    Specification("sknet50", {"nums_class": 7}, size=(32, 48), sites=1, calm=True),
    Specification("scaled_dot_product_attention", {"scale": 0.3}, size=(9, 12)),
    Specification(
        "vit",
        {
            "image_size": 28, "patch_size": 7, "num_classes": 7, "dim": 60, "depth": 2,
            "heads": 5, "mlp_dim": 60, "channels": 3,
        },
        sites=3,
        embedding=0.1,
    ),
    Specification(
        "vit",
        {
            "image_size": 24, "patch_size": 8, "num_classes": 9, "dim": 48, "depth": 3,
            "heads": 4, "mlp_dim": 72, "channels": 3, "head": "linear", "dim_head": 16,
            "scale": "dim_head",
        },
        tag="linear head",
        embedding=0.1,
    ),
    Specification(
        "detr_encoder",
        {
            "in_channels": 40, "hidden_dim": 48, "nheads": 3, "num_encoder_layers": 2,
            "dim_feedforward": 48,
        },
        size=(6, 8),
        sites=3,
    ),
    Specification("encoding", {"in_channels": 9}, size=(5, 6)),
    Specification("lvc_block", {"c1": 24, "c2": 24}, size=(8, 6)),
    Specification("evc_block", {"in_channels": 20, "out_channels": 20}, size=(8, 6)),
]

"""What live parity runs: for every row its default configuration, and odd ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Case:
    """One validation.

    Attributes:
        config: the keys that differ from the row's defaults.
        size: height and width of the inputs; None: the row's default.
        extra: feed the row's optional last input too (a mask, epsilon).
        heavy: a full-size network; left out of a quick run.
        counters: False: the checkpoint lacks every `num_batches_tracked`, as very old ones do.
        prefix: what every name in the checkpoint starts with, as a wrapper would leave it.
    """

    row: str
    batch: int = 2
    config: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    extra: bool = False
    heavy: bool = False
    counters: bool = True
    prefix: str = ""

    def described(self) -> str:
        parts = [f"{key}={value}" for key, value in self.config.items()] + [f"batch={self.batch}"]
        if self.size is not None:
            parts.append(f"size={self.size[0]}x{self.size[1]}")
        parts += ["optional input"] * self.extra + ["no counters"] * (not self.counters)
        parts += [f"prefix {self.prefix}"] if self.prefix else []
        return " ".join(parts)


def _networks() -> list[Case]:
    """The full networks: default size once, then odd sizes; neighbours share their weights."""
    found: list[Case] = []
    for depth in (18, 34, 50, 101, 152):
        row = f"se_resnet{depth}"
        heavy = depth > 50
        found += [
            Case(row, 1, heavy=depth != 50),
            Case(row, 3, size=(64, 96), heavy=heavy),
            Case(row, 8, {"num_classes": 7}, size=(33, 47), heavy=heavy),
            Case(row, 1, {"num_classes": 1}, size=(65, 65), counters=False, heavy=heavy),
        ]
    for depth in (50, 101):
        row = f"sknet{depth}"
        heavy = depth > 50
        found += [
            Case(row, 1, heavy=True),
            Case(row, 3, size=(64, 96), heavy=heavy),
            Case(row, 8, {"nums_class": 7}, size=(33, 47), heavy=heavy),
            Case(row, 1, {"nums_class": 1}, size=(65, 65), heavy=heavy),
        ]
    found += [
        Case("se_inception3", 1, heavy=True),
        Case("se_inception3", 8, heavy=True),
        Case("se_inception3", 1, {"num_classes": 7, "aux_logits": False}),
        Case("se_inception3", 3, {"num_classes": 1, "transform_input": True}, heavy=True),
    ]
    return found


_TINY_VIT = {
    "image_size": 28, "patch_size": 7, "num_classes": 7, "dim": 60, "depth": 2, "heads": 5,
    "mlp_dim": 50, "channels": 1,
}
_TINY_ENCODER = {
    "in_channels": 40, "hidden_dim": 36, "nheads": 3, "num_encoder_layers": 2,
    "dim_feedforward": 50,
}

_ATTENTION: list[Case] = [
    Case("retina"),
    Case("retina", 1, {"g": 4, "k": 1}),
    Case("retina", 3, {"g": 6, "k": 3, "s": 2}, size=(28, 40)),
    Case("retina", 8, {"g": 5, "k": 2, "s": 3}, size=(31, 31)),
    Case("glimpse_network"),
    Case("glimpse_network", 1, {"k": 1, "c": 2}),
    Case("glimpse_network", 8, {"g": 6, "k": 2, "c": 3, "h_g": 48, "h_l": 20}),
    Case("glimpse_network", 3, {"g": 4, "s": 3, "h_g": 33, "h_l": 7}, size=(40, 52)),
    Case("recurrent_attention"),
    Case("recurrent_attention", 3, extra=True),
    Case(
        "recurrent_attention",
        8,
        {"k": 3, "s": 2, "h_g": 40, "h_l": 24, "hidden_size": 64, "num_classes": 7},
        extra=True,
    ),
    Case("recurrent_attention", 1, {"k": 2, "s": 2, "c": 3, "num_classes": 1, "std": 0.17}),
    Case("recurrent_attention", 3, {"single_layer_locator": True}, extra=True),
    Case("scaled_dot_product_attention"),
    Case("scaled_dot_product_attention", 1, {"scale": 0.125}),
    Case("scaled_dot_product_attention", 8, {"scale": 0.3}, size=(7, 5), extra=True),
    Case("scaled_dot_product_attention", 3, size=(65, 17)),
    Case("vit", 1),
    Case("vit", 8, heavy=True),
    Case("vit", 3, _TINY_VIT),
    Case("vit", 3, _TINY_VIT, size=(21, 14), extra=True),
    Case("vit", 8, {**_TINY_VIT, "head": "linear", "dim_head": 24, "heads": 3}, extra=True),
    Case("vit", 1, {**_TINY_VIT, "dim_head": 16, "scale": "dim_head", "num_classes": 1}),
    Case("vit", 3, {**_TINY_VIT, "channels": 5, "depth": 1, "heads": 1}, prefix="module."),
    Case("vit", 1, {**_TINY_VIT, "depth": 7, "num_classes": 1000, "patch_size": 4, "dim": 64,
                    "heads": 16}),
    Case("detr_encoder", 1),
    Case("detr_encoder", 3, extra=True, size=(13, 9), heavy=True),
    Case("detr_encoder", 3, _TINY_ENCODER, size=(6, 11), extra=True),
    Case("detr_encoder", 8, {**_TINY_ENCODER, "position": "sine1d"}, size=(5, 4)),
    Case("detr_encoder", 3, {**_TINY_ENCODER, "position": "sine1d"}, size=(3, 8), extra=True),
    Case("detr_encoder", 1, {**_TINY_ENCODER, "nheads": 1, "hidden_dim": 8}, size=(1, 7)),
]

_BLOCKS: list[Case] = [
    Case("patch_embed", 1),
    Case("patch_embed", 3, {"img_size": 30, "patch_size": 5, "in_chans": 1, "embed_dim": 17}),
    Case("patch_embed", 8, {"img_size": 32, "patch_size": 4, "embed_dim": 96}),
    Case("patch_embed", 1, {"img_size": 21, "patch_size": 7, "in_chans": 5, "embed_dim": 1}),
    Case("patch_merging"),
    Case("patch_merging", 1, {"dim": 96, "c": 1}, size=(14, 14)),
    Case("patch_merging", 3, {"dim": 5, "c": 2}, size=(6, 6)),
    Case("patch_merging", 8, {"dim": 7, "c": 3}, size=(2, 2)),
    Case("stn", 1),
    Case("stn", 3, {"align_corners": True}),
    Case("stn", 8, size=(29, 29)),
    Case("stn", 65, prefix="_orig_mod."),
    Case("se_layer"),
    Case("se_layer", 1, {"channel": 40, "reduction": 8}, size=(5, 9)),
    Case("se_layer", 3, {"channel": 17}, size=(1, 1)),
    Case("se_layer", 8, {"channel": 24, "reduction": 5, "se_bias": True}),
    Case("se_bottleneck"),
    Case(
        "se_bottleneck",
        3,
        {"inplanes": 24, "planes": 20, "stride": 2, "downsample": True, "reduction": 8},
        size=(9, 12),
    ),
    Case("se_bottleneck", 1, {"inplanes": 100, "planes": 25, "reduction": 3}, size=(7, 5)),
    Case("se_bottleneck", 8, {"inplanes": 64, "planes": 16, "se_bias": True}, counters=False),
    Case("sk_conv"),
    Case("sk_conv", 3, {"in_channels": 64, "out_channels": 96, "stride": 2, "M": 3}, (9, 11)),
    Case("sk_conv", 1, {"in_channels": 32, "out_channels": 32, "r": 2, "L": 5, "M": 1}, (5, 8)),
    Case("sk_conv", 8, {"in_channels": 128, "out_channels": 64, "r": 3, "M": 4}, (7, 7)),
    Case("sk_block"),
    Case(
        "sk_block",
        3,
        {"inplanes": 96, "planes": 64, "stride": 2, "downsample": True},
        (9, 12),
        counters=False,
    ),
    Case("sk_block", 1, {"inplanes": 64, "planes": 64, "downsample": True}, (5, 7)),
    Case("sk_block", 8, {"inplanes": 64, "planes": 32}, (6, 6)),
    Case("encoding"),
    Case("encoding", 1, {"in_channels": 512}, size=(20, 20)),
    Case("encoding", 8, {"in_channels": 7, "num_codes": 16}, size=(3, 5)),
    Case("encoding", 3, {"in_channels": 33}, size=(1, 1)),
    Case("lvc_block"),
    Case("lvc_block", 1, {"bn_eps": 0.001}, size=(7, 5)),
    Case("lvc_block", 3, {"c1": 20, "c2": 33, "num_codes": 16}, size=(6, 9)),
    Case("lvc_block", 8, {"c1": 52, "c2": 52}, size=(5, 5), counters=False),
    Case("evc_block", 1),
    Case("evc_block", 3, {"in_channels": 32, "out_channels": 32, "bn_eps": 0.001}, (11, 6)),
    Case(
        "evc_block",
        8,
        {"in_channels": 20, "out_channels": 20, "dead_linear": False},
        (5, 7),
    ),
    Case("evc_block", 1, {"in_channels": 512, "out_channels": 512}, (10, 10), heavy=True),
    Case("evc_block", 1, {"in_channels": 12, "out_channels": 12}, (1, 9)),
]

CASES: list[Case] = _ATTENTION + _BLOCKS + _networks()

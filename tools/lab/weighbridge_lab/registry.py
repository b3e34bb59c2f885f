"""The built-in architectures: their configuration, how they are built, what they are fed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor, nn
from weighbridge_recorder import ToolError

from . import detr, inception, lvc, patches, ram, senet, sknet, stn, vit
from .epsilon import with_eps

Config = dict[str, Any]


@dataclass(frozen=True)
class InputOptions:
    """What a row's inputs may look like beyond the default.

    Attributes:
        size: height and width (for `encoding`'s rows of a map, too); None: the row's default.
        extra: add the row's optional last input (a mask for `vit` and `detr_encoder`, epsilon for
            `recurrent_attention`).
    """

    size: tuple[int, int] | None = None
    extra: bool = False


@dataclass(frozen=True)
class Row:
    """One architecture.

    Attributes:
        defaults: every configuration key with its default; None means unset.
        build: makes the module, its weights as PyTorch initialises them.
        inputs: makes a batch of inputs in call order from a seeded generator.
        types: the type of a key whose default is None.
        inferred: keys that are no constructor arguments elsewhere because the names in a state
            dict tell them; they are left out of recorded metadata.
    """

    id: str
    defaults: Config
    build: Callable[[Config], nn.Module]
    inputs: Callable[[Config, int, Generator, InputOptions], list[Tensor]]
    types: dict[str, type] = field(default_factory=dict)
    inferred: frozenset[str] = frozenset()

    def config(self, values: Mapping[str, Any] | None = None) -> Config:
        """The defaults overridden by `values`; a key that doesn't exist is an error."""
        values = values or {}
        for key in values:
            if key not in self.defaults:
                known = ", ".join(self.defaults) or "none"
                raise ToolError(f"{self.id} has no configuration key {key}; its keys: {known}")
        return {**self.defaults, **values}

    def metadata_config(self, config: Config) -> Config:
        """The part of a configuration that a reference file records."""
        return {k: v for k, v in config.items() if v is not None and k not in self.inferred}


def image(
    config: Config, batch: int, generator: Generator, channels: int, size: tuple[int, int]
) -> Tensor:
    """A batch of noise images [B,channels,*size] with unit variance."""
    return torch.randn(batch, channels, *size, generator=generator)


def _maps(channels: str, size: tuple[int, int]) -> Callable[..., list[Tensor]]:
    """Inputs of one feature map whose channel count is the configuration's key `channels`."""

    def make(config: Config, batch: int, generator: Generator, options: InputOptions) -> list:
        return [image(config, batch, generator, config[channels], options.size or size)]

    return make


def _photos(size: tuple[int, int]) -> Callable[..., list[Tensor]]:
    def make(config: Config, batch: int, generator: Generator, options: InputOptions) -> list:
        return [image(config, batch, generator, 3, options.size or size)]

    return make


def _glimpse_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    """An image in [0,1] and locations; a crop of an odd size must not start at the very edge."""
    height, width = options.size or (28, 28)
    x = torch.rand(batch, config.get("c", 1), height, width, generator=generator)
    location = torch.rand(batch, 2, generator=generator) * 1.8 - 0.9
    return [x, location]


def _retina_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    x, location = _glimpse_inputs({"c": 1}, batch, generator, options)
    return [x, location]


def _attention_step_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    inputs = _glimpse_inputs(config, batch, generator, options)
    inputs.append(torch.randn(batch, config["hidden_size"], generator=generator).relu())
    if options.extra:
        inputs.append(torch.randn(batch, 2, generator=generator))
    return inputs


def _stn_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    height, width = options.size or (28, 28)
    return [torch.rand(batch, 1, height, width, generator=generator)]


def _token_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    height, width = options.size or (8, 8)
    tokens = height * width
    return [torch.randn(batch, tokens, config["c"] * config["dim"], generator=generator)]


def _patch_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    side = config["img_size"]
    return [image(config, batch, generator, config["in_chans"], options.size or (side, side))]


def _qkv_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    """q, k, v: [B,heads,N,d] where size is (N,d), or [B,N,d] when `extra`."""
    length, width = options.size or (16, 32)
    lead = (batch,) if options.extra else (batch, 4)
    shapes = [(*lead, length, width), (*lead, length + 3, width), (*lead, length + 3, width)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


def _vit_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    side, patch = config["image_size"], config["patch_size"]
    height, width = options.size or (side, side)
    if height % patch or width % patch or max(height, width) > side:
        raise ToolError(
            f"vit: sides of images are multiples of patch_size={patch} up to image_size={side}, "
            f"not {height}x{width}"
        )
    inputs = [image(config, batch, generator, config["channels"], (height, width))]
    if options.extra:
        cells = (batch, height // patch, width // patch)
        inputs.append(torch.rand(cells, generator=generator) > 0.3)
    return inputs


def _detr_inputs(
    config: Config, batch: int, generator: Generator, options: InputOptions
) -> list[Tensor]:
    height, width = options.size or (20, 25)
    inputs = [image(config, batch, generator, config["in_channels"], (height, width))]
    if options.extra:
        # Padding as a collated batch has it: each image fills the top left of its frame.
        mask = torch.ones(batch, height, width, dtype=torch.bool)
        for i in range(batch):
            rows = height - int(torch.randint(0, height // 2 + 1, (), generator=generator))
            columns = width - int(torch.randint(0, width // 2 + 1, (), generator=generator))
            mask[i, :rows, :columns] = False
        inputs.append(mask)
    return inputs


def _se_bottleneck(config: Config) -> nn.Module:
    inplanes, planes, stride = config["inplanes"], config["planes"], config["stride"]
    downsample = senet.shortcut(inplanes, planes * 4, stride) if config["downsample"] else None
    return senet.SEBottleneck(
        inplanes, planes, stride, downsample, config["reduction"], config["se_bias"]
    )


def _sk_block(config: Config) -> nn.Module:
    inplanes, planes, stride = config["inplanes"], config["planes"], config["stride"]
    downsample = sknet.shortcut(inplanes, planes * 2, stride) if config["downsample"] else None
    return sknet.SKBlock(inplanes, planes, stride, downsample)


def _lvc_block(config: Config) -> nn.Module:
    block = lvc.LVCBlock(config["c1"], config["c2"], config["num_codes"])
    return lvc.override_bn_eps(block, config["bn_eps"])


def _evc_block(config: Config) -> nn.Module:
    if config["in_channels"] != config["out_channels"]:
        raise ToolError(
            f"evc_block: in_channels={config['in_channels']} must equal "
            f"out_channels={config['out_channels']}"
        )
    block = lvc.EVCBlock(config["in_channels"], config["out_channels"], config["dead_linear"])
    return lvc.override_bn_eps(block, config["bn_eps"])


def _rows() -> list[Row]:
    glimpse = {"h_g": 128, "h_l": 128, "g": 8, "k": 3, "s": 2, "c": 1}
    attention = {
        "g": 8, "k": 1, "s": 1, "c": 1, "h_g": 128, "h_l": 128, "std": 0.05, "hidden_size": 256,
        "num_classes": 10, "single_layer_locator": False,
    }
    transformer = {
        "image_size": 256, "patch_size": 32, "num_classes": 1000, "dim": 1024, "depth": 6,
        "heads": 8, "mlp_dim": 2048, "channels": 3, "head": "mlp", "dim_head": None,
        "scale": "dim",
    }
    encoder = {
        "in_channels": 2048, "hidden_dim": 256, "nheads": 8, "num_encoder_layers": 6,
        "dim_feedforward": 2048, "position": "sine2d",
    }
    kernel = {"in_channels": 128, "out_channels": 128, "stride": 1, "M": 2, "r": 16, "L": 32}
    eps = {"bn_eps": float}
    rows = [
        Row("retina", {"g": 8, "k": 3, "s": 2}, lambda c: ram.Retina(**c), _retina_inputs),
        Row("glimpse_network", glimpse, lambda c: ram.GlimpseNetwork(**c), _glimpse_inputs),
        Row(
            "recurrent_attention",
            attention,
            lambda c: ram.RecurrentAttention(**c),
            _attention_step_inputs,
            inferred=frozenset({"single_layer_locator"}),
        ),
        Row(
            "patch_embed",
            {"img_size": 224, "patch_size": 16, "in_chans": 3, "embed_dim": 768},
            lambda c: patches.PatchEmbed(**c),
            _patch_inputs,
        ),
        Row(
            "patch_merging",
            {"dim": 1, "c": 3},
            lambda c: patches.PatchMerging(**c),
            _token_inputs,
        ),
        Row(
            "stn",
            {"align_corners": False},
            lambda c: stn.SpatialTransformerNet(**c),
            _stn_inputs,
        ),
        Row(
            "se_layer",
            {"channel": 64, "reduction": 16, "se_bias": False},
            lambda c: senet.SELayer(c["channel"], c["reduction"], c["se_bias"]),
            _maps("channel", (14, 14)),
            inferred=frozenset({"se_bias"}),
        ),
        Row(
            "se_bottleneck",
            {
                "inplanes": 256, "planes": 64, "stride": 1, "downsample": False, "reduction": 16,
                "se_bias": False,
            },
            _se_bottleneck,
            _maps("inplanes", (14, 14)),
            inferred=frozenset({"se_bias"}),
        ),
        Row(
            "se_inception3",
            {"num_classes": 1000, "aux_logits": True, "transform_input": False},
            lambda c: inception.SEInception3(**c),
            _photos((inception.IMAGE_SIZE, inception.IMAGE_SIZE)),
        ),
        Row("sk_conv", kernel, lambda c: sknet.SKConv(**c), _maps("in_channels", (14, 14))),
        Row(
            "sk_block",
            {"inplanes": 256, "planes": 128, "stride": 1, "downsample": False},
            _sk_block,
            _maps("inplanes", (14, 14)),
        ),
        Row(
            "scaled_dot_product_attention",
            {"scale": None},
            lambda c: vit.ScaledDotProductAttention(**c),
            _qkv_inputs,
            types={"scale": float},
        ),
        Row(
            "vit",
            transformer,
            lambda c: vit.ViT(**c),
            _vit_inputs,
            types={"dim_head": int},
        ),
        Row("detr_encoder", encoder, lambda c: detr.DETREncoder(**c), _detr_inputs),
        Row(
            "encoding",
            {"in_channels": 32, "num_codes": 64},
            lambda c: lvc.Encoding(**c),
            _maps("in_channels", (14, 14)),
        ),
        Row(
            "lvc_block",
            {"c1": 32, "c2": 32, "num_codes": 64, "bn_eps": None},
            _lvc_block,
            _maps("c1", (14, 14)),
            types=eps,
        ),
        Row(
            "evc_block",
            {"in_channels": 256, "out_channels": 256, "bn_eps": None, "dead_linear": True},
            _evc_block,
            _maps("in_channels", (20, 20)),
            types=eps,
            inferred=frozenset({"dead_linear"}),
        ),
    ]
    for depth in senet.BLOCKS:
        rows.append(
            Row(
                f"se_resnet{depth}",
                {"num_classes": 1000},
                lambda c, depth=depth: senet.se_resnet(depth, **c),
                _photos((224, 224)),
            )
        )
    for depth in sknet.LAYERS:
        rows.append(
            Row(
                f"sknet{depth}",
                {"nums_class": 1000},
                lambda c, depth=depth: sknet.sknet(depth, **c),
                _photos((224, 224)),
            )
        )
    return rows


ROWS: dict[str, Row] = {row.id: with_eps(row) for row in _rows()}


def row(id: str) -> Row:
    """The row with that id, or an error that lists the ids."""
    if id not in ROWS:
        raise ToolError(f"there is no model {id}; the models: {', '.join(ROWS)}")
    return ROWS[id]


def build(id: str, config: Mapping[str, Any] | None = None) -> nn.Module:
    """The module of a row in eval mode, its weights as PyTorch initialises them."""
    chosen = row(id)
    return chosen.build(chosen.config(config)).eval()


def parse_config(id: str, assignments: list[str]) -> Config:
    """A whole configuration from `KEY=VALUE` strings, each read as its key's type."""
    chosen = row(id)
    values: Config = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator:
            raise ToolError(f"a configuration value is written KEY=VALUE, not {assignment}")
        chosen.config({key: None})
        values[key] = _value(chosen, key, text)
    return chosen.config(values)


def _value(row: Row, key: str, text: str) -> Any:
    default = row.defaults[key]
    if default is None:
        if text == "none":
            return None
        kind = row.types[key]
    else:
        kind = type(default)
    if kind is bool:
        if text in ("true", "false"):
            return text == "true"
        raise ToolError(f"{row.id}: {key} is true or false, not {text}")
    try:
        if kind is int and key == "s":
            return float(text) if "." in text else int(text)
        return kind(text)
    except ValueError as error:
        raise ToolError(f"{row.id}: {key} must be of type {kind.__name__}, not {text}") from error

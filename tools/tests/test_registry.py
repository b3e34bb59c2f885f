"""The definitions against the published state dicts and parameter counts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from weighbridge_lab import build, parse_config
from weighbridge_lab.lvc import LightMLPBlock
from weighbridge_recorder import ToolError

KEYS = Path(__file__).resolve().parents[2] / "fixtures" / "keys"

LISTS = {
    "detr_inputproj_encoder_d256_h8_L6_ff2048": ("detr_encoder", {}),
    "evcblock_256_256": ("evc_block", {}),
    "evcblock_32_32": ("evc_block", {"in_channels": 32, "out_channels": 32}),
    "evcblock_512_512": ("evc_block", {"in_channels": 512, "out_channels": 512}),
    "glimpse_h128_g8_k1_s2_c1": ("glimpse_network", {"k": 1}),
    "glimpse_h128_g8_k2_s2_c1": ("glimpse_network", {"k": 2}),
    "glimpse_h128_g8_k3_s2_c1": ("glimpse_network", {}),
    "glimpse_h128_g8_k3_s2_c3": ("glimpse_network", {"c": 3}),
    "inception3_aux_nc1000": ("se_inception3", {}),
    "inception3_noaux_nc1000": ("se_inception3", {"aux_logits": False}),
    "lvcblock_32_32_64": ("lvc_block", {}),
    "patch_embed_224_16_3_768": ("patch_embed", {}),
    "patch_merging_dim96": ("patch_merging", {"dim": 96, "c": 1}),
    "patch_merging_seed_dim1_c3": ("patch_merging", {}),
    "ram_default_g8_k1_s1": ("recurrent_attention", {}),
    "ram_g8_k3_s2": ("recurrent_attention", {"k": 3, "s": 2}),
    "se_bottleneck_256_64": ("se_bottleneck", {}),
    "se_inception3_aux_nc1000": ("se_inception3", {}),
    "se_inception3_noaux_nc1000": ("se_inception3", {"aux_logits": False}),
    "se_resnet101": ("se_resnet101", {}),
    "se_resnet152": ("se_resnet152", {}),
    "se_resnet18": ("se_resnet18", {}),
    "se_resnet34": ("se_resnet34", {}),
    "se_resnet50": ("se_resnet50", {}),
    "selayer_64_r16": ("se_layer", {}),
    "skconv_128": ("sk_conv", {}),
    "sknet101": ("sknet101", {}),
    "sknet50": ("sknet50", {}),
    "stn_net": ("stn", {}),
    "vit_256_p32_d1024_L6_h8_mlp2048": ("vit", {}),
    "vit_v040_dimhead64": ("vit", {"head": "linear", "dim_head": 64}),
}

# Lists of architectures that no row has, and the one that is a part of a row's module.
OTHERS = {
    "lightmlp_32",
    "se_resnet20_cifar",
    "se_resnet32_cifar",
    "se_resnet56_cifar",
    "swin_patch_embed_224_4_3_96_ln",
}

COUNTS = [
    ("retina", {}, 0),
    ("glimpse_network", {}, 91_136),
    ("recurrent_attention", {}, 242_317),
    ("patch_embed", {}, 590_592),
    ("patch_merging", {}, 96),
    ("stn", {}, 27_360),
    ("se_bottleneck", {}, 78_592),
    ("se_resnet50", {}, 28_071_976),
    ("se_resnet101", {}, 49_292_328),
    ("se_resnet152", {}, 66_770_984),
    ("se_inception3", {}, 28_366_256),
    ("se_inception3", {"aux_logits": False}, 24_965_832),
    ("sk_conv", {}, 22_080),
    ("sknet50", {}, 27_479_784),
    ("sknet101", {}, 48_736_040),
    ("scaled_dot_product_attention", {}, 0),
    ("vit", {}, 57_745_384),
    ("detr_encoder", {}, 8_414_976),
    ("lvc_block", {}, 6_656),
    ("evc_block", {"in_channels": 32, "out_channels": 32}, 69_760),
    ("evc_block", {}, 4_287_680),
    ("evc_block", {"in_channels": 512, "out_channels": 512}, 17_103_040),
]


def published(name: str) -> list[tuple[str, tuple[int, ...], str, str]]:
    """The lines of one list: name, shape, dtype, and P (parameter) or B (buffer)."""
    lines = (KEYS / f"{name}.txt").read_text().splitlines()
    fields = (line.split("\t") for line in lines)
    return [(key, ast.literal_eval(shape), dtype, kind) for key, shape, dtype, kind in fields]


def entries(model: torch.nn.Module) -> list[tuple[str, tuple[int, ...], str, str]]:
    parameters = dict(model.named_parameters())
    return [
        (
            name,
            tuple(tensor.shape),
            str(tensor.dtype).removeprefix("torch."),
            "P" if name in parameters else "B",
        )
        for name, tensor in model.state_dict().items()
    ]


def test_every_list_is_used() -> None:
    assert {path.stem for path in KEYS.glob("*.txt")} == LISTS.keys() | OTHERS


@pytest.mark.parametrize("name", LISTS)
def test_state_dict_matches_the_published_list(name: str) -> None:
    id, config = LISTS[name]
    with torch.device("meta"):
        model = build(id, config)
    found, expected = entries(model), published(name)
    if name.startswith("inception3"):
        # The list of the network alone: without the prefix and the layers that are never called.
        found = [
            (key.removeprefix("model."), *rest) for key, *rest in found if ".SELayer." not in key
        ]
        expected = [(key.removeprefix("model."), *rest) for key, *rest in expected]
    assert found == expected


def test_light_mlp_matches_the_published_list() -> None:
    assert entries(LightMLPBlock(32)) == published("lightmlp_32")


@pytest.mark.parametrize(("id", "config", "count"), COUNTS)
def test_parameter_count(id: str, config: dict, count: int) -> None:
    with torch.device("meta"):
        model = build(id, config)
    assert sum(p.numel() for p in model.parameters()) == count


def test_the_codeword_count_ignores_its_argument() -> None:
    assert build("encoding", {"num_codes": 16}).codewords.shape == (64, 32)


def test_dead_parameters_of_se_inception3() -> None:
    with torch.device("meta"):
        model = build("se_inception3")
    dead = [p for name, p in model.named_parameters() if ".SELayer." in name]
    assert len(dead) == 24
    assert sum(p.numel() for p in dead) == 1_204_992


def test_parse_config_reads_each_type() -> None:
    config = parse_config("vit", ["dim=64", "scale=dim_head", "dim_head=none"])
    assert (config["dim"], config["scale"], config["dim_head"]) == (64, "dim_head", None)
    assert parse_config("stn", ["align_corners=true"])["align_corners"] is True
    assert parse_config("retina", ["s=1.5"])["s"] == 1.5


@pytest.mark.parametrize(
    ("id", "assignment", "says"),
    [
        ("vit", "width=3", "no configuration key width"),
        ("vit", "dim", "KEY=VALUE"),
        ("vit", "dim=wide", "dim must be of type int"),
        ("stn", "align_corners=1", "true or false"),
        ("vitt", "dim=3", "there is no model vitt"),
    ],
)
def test_parse_config_errors(id: str, assignment: str, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        parse_config(id, [assignment])


@pytest.mark.parametrize(
    ("id", "config", "says"),
    [
        ("vit", {"heads": 3}, "heads=3 must divide dim=1024"),
        ("vit", {"image_size": 250}, "must divide image_size"),
        ("sk_conv", {"in_channels": 48}, "must divide by 32"),
        ("retina", {"g": 8, "k": 2, "s": 1.8}, "cannot be pooled"),
        ("detr_encoder", {"nheads": 7}, "must divide hidden_dim"),
        ("recurrent_attention", {"hidden_size": 100}, "must be h_g"),
    ],
)
def test_impossible_configurations(id: str, config: dict, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        build(id, config)

"""Whether the dialects that ship hold: files of the libraries themselves, validated as they are.

Run as `tools/dialect-study`, which installs Keras, timm, torchvision, transformers and vit-pytorch. For
every dialect a network of the library is built with random weights, its state dict saved under the
library's own names, and its activations recorded; `weighbridge validate` must choose the dialect by the
file's content and pass, without rules.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy
import torch
from torch import Tensor, nn
from weighbridge_recorder import export, record

from .dialects_keras import KERAS, keras_inception
from .initialise import calibrate
from .torchvision_names import declare_operators

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Example:
    """A network of a library, and what its modules are called here.

    Attributes:
        state: what the library saves.
        network: what is recorded.
        paths: patterns of the library's module paths with ours; others are not compared.
        config: what shapes do not tell.
        entries: a reference made by hand, instead of a recording of `network`.
    """

    model: str
    state: dict[str, Tensor]
    network: nn.Module | None = None
    inputs: list[Tensor] = field(default_factory=list)
    paths: list[tuple[str, str]] = field(default_factory=list)
    config: dict = field(default_factory=dict)
    entries: dict[str, numpy.ndarray] = field(default_factory=dict)


class Logits(nn.Module):
    """A network of transformers that returns its logits alone."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(pixel_values=x).logits


@torch.no_grad()
def drawn(network: nn.Module, seed: int) -> nn.Module:
    """Every parameter and running statistic at random."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in list(network.named_parameters()) + list(network.named_buffers()):
        if not tensor.is_floating_point():
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("running_var"):
            tensor.copy_(1 + 0.3 * noise.abs())
        elif tensor.ndim > 1 and not name.endswith(("pos_embed", "cls_token")):
            tensor.copy_(noise / tensor[0].numel() ** 0.5)
        elif name.endswith("weight"):
            tensor.copy_(1 + 0.2 * noise)
        else:
            tensor.copy_(0.2 * noise)
    return network.eval()


def images(count: int, side: int, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


LAYER = r"transformer.layers.\1"


def timm_vit(seed: int) -> Example:
    from timm.models.vision_transformer import VisionTransformer

    network = drawn(
        VisionTransformer(
            img_size=32, patch_size=8, embed_dim=128, depth=3, num_heads=2, num_classes=7
        ), seed,
    )
    return Example("vit", network.state_dict(), network, [images(2, 32)], TIMM_PATHS)


TIMM_PATHS = [
    (r"blocks\.(\d+)\.norm1", LAYER + ".0.fn.norm"),
    (r"blocks\.(\d+)\.attn\.qkv", LAYER + ".0.fn.fn.to_qkv"),
    (r"blocks\.(\d+)\.attn\.proj", LAYER + ".0.fn.fn.to_out.0"),
    (r"blocks\.(\d+)\.norm2", LAYER + ".1.fn.norm"),
    (r"blocks\.(\d+)\.mlp\.fc1", LAYER + ".1.fn.fn.net.0"),
    (r"blocks\.(\d+)\.mlp\.fc2", LAYER + ".1.fn.fn.net.3"),
    (r"blocks\.(\d+)", LAYER + ".1"),
    (r"head", "mlp_head.1"),
]


def google_vit(seed: int) -> Example:
    """A file in Google's names, which timm itself reads."""
    from timm.models.vision_transformer import VisionTransformer

    dim, heads, side = 128, 2, 8
    network = VisionTransformer(
        img_size=32, patch_size=side, embed_dim=dim, depth=2, num_heads=heads, num_classes=7
    ).eval()
    draw = numpy.random.default_rng(seed)

    def values(*shape: int, around: float = 0.0) -> numpy.ndarray:
        scale = 0.1 if len(shape) < 2 else numpy.prod(shape[:-1]) ** -0.5
        return (around + scale * draw.standard_normal(shape)).astype("f4")

    file = {
        "embedding/kernel": values(side, side, 3, dim), "embedding/bias": values(dim),
        "cls": values(1, 1, dim), "Transformer/posembed_input/pos_embedding": values(1, 17, dim),
        "Transformer/encoder_norm/scale": values(dim, around=1.0),
        "Transformer/encoder_norm/bias": values(dim),
        "head/kernel": values(dim, 7), "head/bias": values(7),
    }
    for layer in range(2):
        block = f"Transformer/encoderblock_{layer}"
        for part in ("query", "key", "value"):
            attention = f"{block}/MultiHeadDotProductAttention_1/{part}"
            file[f"{attention}/kernel"] = values(dim, heads, dim // heads)
            file[f"{attention}/bias"] = values(heads, dim // heads)
        out = f"{block}/MultiHeadDotProductAttention_1/out"
        file[f"{out}/kernel"] = values(heads, dim // heads, dim)
        file[f"{out}/bias"] = values(dim)
        for index, (inner, outer) in enumerate([(dim, 4 * dim), (4 * dim, dim)]):
            file[f"{block}/MlpBlock_3/Dense_{index}/kernel"] = values(inner, outer)
            file[f"{block}/MlpBlock_3/Dense_{index}/bias"] = values(outer)
        for index in (0, 2):
            file[f"{block}/LayerNorm_{index}/scale"] = values(dim, around=1.0)
            file[f"{block}/LayerNorm_{index}/bias"] = values(dim)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vit.npz"
        numpy.savez(path, **file)
        network.load_pretrained(str(path))
    state = {name: torch.from_numpy(array) for name, array in file.items()}
    return Example("vit", state, network, [images(2, 32)], TIMM_PATHS)


def hugging_face_vit(seed: int) -> Example:
    from transformers import ViTConfig, ViTForImageClassification

    network = drawn(
        ViTForImageClassification(
            ViTConfig(
                hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=200,
                image_size=32, patch_size=8, num_labels=7,
            )
        ), seed,
    )
    lead = r"inner\.vit\.layers\.(\d+)\."
    paths = [
        (lead + r"layernorm_before", LAYER + ".0.fn.norm"),
        (lead + r"layernorm_after", LAYER + ".1.fn.norm"),
        (lead + r"attention\.o_proj", LAYER + ".0.fn.fn.to_out.0"),
        (lead + r"mlp\.fc1", LAYER + ".1.fn.fn.net.0"),
        (lead + r"mlp\.fc2", LAYER + ".1.fn.fn.net.3"),
        (r"inner\.classifier", "mlp_head.1"),
    ]
    return Example("vit", network.state_dict(), Logits(network), [images(2, 32)], paths)


def older_hugging_face_vit(seed: int) -> Example:
    """The same network under the names that the hub's files have."""
    example = hugging_face_vit(seed)
    names = [
        (r"vit\.layers\.(\d+)\.attention\.q_proj", r"vit.encoder.layer.\1.attention.attention.query"),
        (r"vit\.layers\.(\d+)\.attention\.k_proj", r"vit.encoder.layer.\1.attention.attention.key"),
        (r"vit\.layers\.(\d+)\.attention\.v_proj", r"vit.encoder.layer.\1.attention.attention.value"),
        (r"vit\.layers\.(\d+)\.attention\.o_proj", r"vit.encoder.layer.\1.attention.output.dense"),
        (r"vit\.layers\.(\d+)\.mlp\.fc1", r"vit.encoder.layer.\1.intermediate.dense"),
        (r"vit\.layers\.(\d+)\.mlp\.fc2", r"vit.encoder.layer.\1.output.dense"),
        (r"vit\.layers\.", "vit.encoder.layer."),
    ]
    for pattern, older in names:
        example.state = {re.sub(pattern, older, name): t for name, t in example.state.items()}
    return example


def torchvision_vit(seed: int) -> Example:
    from torchvision.models.vision_transformer import VisionTransformer

    network = drawn(
        VisionTransformer(
            image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=128, mlp_dim=200,
            num_classes=7,
        ), seed,
    )
    lead = r"encoder\.layers\.encoder_layer_(\d+)"
    paths = [
        (lead + r"\.ln_1", LAYER + ".0.fn.norm"), (lead + r"\.ln_2", LAYER + ".1.fn.norm"),
        (lead + r"\.mlp\.(?:linear_1|0)", LAYER + ".1.fn.fn.net.0"),
        (lead + r"\.mlp\.(?:linear_2|3)", LAYER + ".1.fn.fn.net.3"),
        (lead, LAYER + ".1"), (r"heads\.head", "mlp_head.1"),
    ]
    return Example("vit", network.state_dict(), network, [images(2, 32)], paths)


def torchvision_inception(seed: int) -> Example:
    from torchvision.models.inception import Inception3

    network = drawn(
        Inception3(num_classes=7, aux_logits=False, init_weights=False), seed
    )
    inputs = [images(2, 299)]
    calibrate(network, inputs, torch.Generator().manual_seed(seed))
    return Example(
        "se_inception3", network.state_dict(), network, inputs, [(r"(.+)", r"model.\1")]
    )


def vit_pytorch(seed: int) -> Example:
    from vit_pytorch import ViT

    network = drawn(
        ViT(
            image_size=32, patch_size=8, num_classes=7, dim=96, depth=2, heads=3, dim_head=24,
            mlp_dim=80,
        ), seed,
    )
    lead = r"transformer\.layers\.(\d+)\.([01])"
    paths = [
        (lead + r"\.norm", r"transformer.layers.\1.\2.fn.norm"),
        (lead + r"\.fn\.(.+)", r"transformer.layers.\1.\2.fn.fn.\3"),
        (r"to_patch_embedding\.1", "patch_to_embedding"), (r"(mlp_head\..*)", r"\1"),
    ]
    return Example(
        "vit", network.state_dict(), network, [images(2, 32)], paths, {"heads": 3, "dim_head": 24}
    )


def timm_seresnet(seed: int, depth: int = 50) -> Example:
    import timm

    network = drawn(timm.create_model(f"seresnet{depth}", pretrained=False, num_classes=7), seed)
    paths = [
        (r"(layer\d\.\d+\.(?:conv|bn)\d)", r"\1"), (r"(layer\d\.\d+)", r"\1"),
        (r"(conv1|bn1|fc)", r"\1"),
    ]
    return Example(f"se_resnet{depth}", network.state_dict(), network, [images(2, 64)], paths)


def hugging_face_detr(seed: int) -> Example:
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    network = drawn(
        DetrForObjectDetection(
            DetrConfig(
                use_timm_backbone=False, use_pretrained_backbone=False, backbone=None,
                backbone_config=ResNetConfig(
                    embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic",
                    out_features=["stage2"],
                ),
                d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4,
                decoder_attention_heads=4, encoder_ffn_dim=40, decoder_ffn_dim=40, num_queries=5,
            )
        ), seed,
    )
    seen: dict[str, numpy.ndarray] = {}
    inner = network.model

    def keep(name: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple, output: object) -> None:
            tensor = output if isinstance(output, Tensor) else output[0]
            seen[name] = tensor.detach().clone().numpy()

        return hook

    def keep_input(module: nn.Module, inputs: tuple, output: object) -> None:
        seen["inputs/0"] = inputs[0].detach().clone().numpy()

    inner.input_projection.register_forward_hook(keep_input)
    inner.input_projection.register_forward_hook(keep("activations/input_proj"))
    for index, layer in enumerate(inner.encoder.layers):
        layer.register_forward_hook(keep(f"activations/encoder.layers.{index}"))
        layer.self_attn_layer_norm.register_forward_hook(
            keep(f"activations/encoder.layers.{index}.norm1")
        )
    with torch.no_grad():
        network(pixel_values=images(1, 64))
    last = seen[f"activations/encoder.layers.{len(inner.encoder.layers) - 1}"]
    seen["outputs/0"] = last.transpose(1, 0, 2)
    return Example("detr_encoder", network.state_dict(), config={"nheads": 4}, entries=seen)


EXAMPLES: dict[str, Callable[[int], Example]] = {
    "timm-vit": timm_vit, "google-vit": google_vit, "hugging-face-vit": hugging_face_vit,
    "older-hugging-face-vit": older_hugging_face_vit, "torchvision-vit": torchvision_vit,
    "vit-pytorch": vit_pytorch, "timm-seresnet": timm_seresnet,
    "timm-seresnet18": partial(timm_seresnet, depth=18),
    "timm-seresnet34": partial(timm_seresnet, depth=34),
    "torchvision-inception": torchvision_inception,
    "hugging-face-detr": hugging_face_detr,
}


def reference(example: Example, path: Path) -> int:
    """Writes the reference under our modules' paths, and tells how many activations it has."""
    if example.network is not None:
        raw = path.with_name("raw.npz")
        record(example.network, example.inputs, raw)
        with numpy.load(raw) as file:
            entries = {name: file[name] for name in file.files}
    else:
        entries = example.entries
    kept: dict[str, numpy.ndarray] = {}
    for name, value in entries.items():
        part, _, rest = name.partition("/")
        if part in ("inputs", "outputs") or name.startswith("noise/outputs"):
            kept[name] = value
        elif part in ("activations", "noise"):
            ours = _renamed(rest, example) if example.paths else rest
            if ours is not None:
                kept[f"{part}/{ours}"] = value
    metadata = {"framework": f"torch {torch.__version__}", "model": example.model}
    metadata["config"] = example.config
    kept["metadata"] = numpy.array(json.dumps(metadata))
    numpy.savez(path, **kept)
    return sum(name.startswith("activations/") for name in kept)


def _renamed(path: str, example: Example) -> str | None:
    for pattern, ours in example.paths:
        if re.fullmatch(pattern, path):
            return re.sub(pattern, ours, path)
    return None


def check(id: str, seed: int, binary: Path, folder: Path) -> str | None:
    """What is wrong with a dialect; None where it holds."""
    weights = folder / f"network{KERAS.get(id, '.npz')}"
    if id in KERAS:
        entries = keras_inception(KERAS[id], seed, weights)
        example = Example("se_inception3", {}, entries=entries)
    else:
        example = EXAMPLES[id](seed)
        if id == "google-vit":
            numpy.savez(weights, **{n: t.numpy() for n, t in example.state.items()})
        else:
            export(example.state, weights)
    count = reference(example, folder / "reference.npz")
    done = subprocess.run(
        [
            str(binary), "validate", "--model", example.model, "--weights", str(weights),
            "--reference", str(folder / "reference.npz"), "--json", "-",
        ],
        capture_output=True, text=True, check=False,
    )
    report = json.loads(done.stdout) if done.stdout else {}
    if done.returncode != 0 or report.get("verdict") != "pass":
        return f"exit {done.returncode}: {done.stderr.strip()[:600]}"
    compared = sum(layer["status"] in ("ok", "reshaped", "amplifier") for layer in report["layers"])
    print(f"ok   {id}: {count} activations, {compared} layers compared", flush=True)
    return None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="tools/dialect-study", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/weighbridge")
    parser.add_argument("--only", help="only these dialects, separated by commas")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    declare_operators()
    failed = 0
    for id in options.only.split(",") if options.only else [*EXAMPLES, *KERAS]:
        with tempfile.TemporaryDirectory(prefix="weighbridge-dialect-") as folder:
            try:
                problem = check(id, options.seed, options.binary.resolve(), Path(folder))
            except ImportError as error:
                print(f"skip {id}: {error}", flush=True)
                continue
        if problem is not None:
            failed += 1
            print(f"FAIL {id}: {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

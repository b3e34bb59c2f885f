"""Makes the files of fixtures/. Run as `tools/make-fixtures`."""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sklearn
import torch
from torch import Tensor, nn
from weighbridge_recorder import HDF5Options, ToolError, export, record
from weighbridge_recorder.storage import open_writer

from . import digits as handwriting
from .initialise import random_model
from .registry import InputOptions, row

FOLDER = Path(__file__).resolve().parents[3] / "fixtures"
MANIFEST = "SHA256SUMS"
REQUIRED_ACCURACY = 0.95
LIMIT_BYTES = 20_000_000


@dataclass(frozen=True)
class Trained:
    """A network trained on the digits: the row, its configuration, and how it is trained."""

    name: str
    model_id: str
    config: dict[str, Any]
    epochs: int
    seed: int
    batch: int
    deflate: bool
    hdf5: HDF5Options


@dataclass(frozen=True)
class Block:
    """A small module with random weights; `hdf5` also writes both of its files as HDF5."""

    name: str
    model_id: str
    config: dict[str, Any]
    batch: int
    size: tuple[int, int]
    seed: int
    hdf5: bool = False


TRAINED = [
    Trained("stn", "stn", {}, 30, 1, 8, deflate=False, hdf5=HDF5Options()),
    Trained(
        "vit_digits",
        "vit",
        {
            "image_size": 28, "patch_size": 7, "num_classes": 10, "dim": 64, "depth": 3,
            "heads": 4, "mlp_dim": 128, "channels": 1,
        },
        60,
        2,
        4,
        deflate=True,
        hdf5=HDF5Options(nested=True, gzip=4, shuffle=True, fletcher32=True),
    ),
]

BLOCKS = [
    Block("se_layer", "se_layer", {"channel": 32}, 2, (7, 9), 11),
    Block(
        "se_bottleneck", "se_bottleneck", {"inplanes": 64, "planes": 16}, 2, (9, 9), 12, hdf5=True
    ),
    Block(
        "se_bottleneck_down",
        "se_bottleneck",
        {"inplanes": 24, "planes": 20, "stride": 2, "downsample": True, "reduction": 8},
        3,
        (9, 12),
        13,
    ),
    Block("encoding", "encoding", {"in_channels": 20}, 2, (6, 5), 14),
    Block("lvc_block", "lvc_block", {"c1": 16, "c2": 16}, 2, (8, 7), 15, hdf5=True),
    Block("sk_conv", "sk_conv", {"in_channels": 32, "out_channels": 32}, 2, (7, 6), 16),
]


def make_trained(spec: Trained, digits: handwriting.Digits, folder: Path) -> tuple[Tensor, float]:
    """Trains one network and writes its checkpoints and references; its outputs and accuracy."""
    chosen = row(spec.model_id)
    config = chosen.config(spec.config)
    torch.manual_seed(spec.seed)
    model = chosen.build(config)
    handwriting.train(model, digits, epochs=spec.epochs, seed=spec.seed)
    outputs = handwriting.held_back_outputs(model, digits)
    reached = handwriting.accuracy(outputs, digits)
    if reached < REQUIRED_ACCURACY:
        raise ToolError(f"{spec.name}: accuracy {reached:.4f} is below {REQUIRED_ACCURACY}")
    state = model.state_dict()
    export(state, folder / f"{spec.name}.npz", deflate=spec.deflate)
    export(state, folder / f"{spec.name}.h5", hdf5=spec.hdf5)
    inputs = [digits.held_back_images[: spec.batch]]
    for suffix in (".npz", ".h5"):
        _record(model, inputs, folder / f"{spec.name}_reference{suffix}", chosen.id, config, None)
    return outputs, reached


def make_block(spec: Block, folder: Path) -> None:
    """Writes one block's checkpoint and reference."""
    chosen = row(spec.model_id)
    config = chosen.config(spec.config)
    model = random_model(spec.model_id, config, spec.seed, spec.size)
    generator = torch.Generator().manual_seed(spec.seed + 1000)
    inputs = chosen.inputs(config, spec.batch, generator, InputOptions(size=spec.size))
    for suffix in (".npz", ".h5") if spec.hdf5 else (".npz",):
        export(model.state_dict(), folder / f"{spec.name}{suffix}")
        reference = folder / f"{spec.name}_reference{suffix}"
        _record(model, inputs, reference, chosen.id, config, spec.seed)


def _record(
    model: nn.Module, inputs: list[Tensor], path: Path, id: str, config: dict, seed: int | None
) -> None:
    recorded = row(id).metadata_config(config)
    record(model, inputs, path, model_id=id, config=recorded, seed=seed)


def write_held_back(
    digits: handwriting.Digits,
    outputs: dict[str, Tensor],
    accuracies: dict[str, float],
    folder: Path,
) -> None:
    """The digits held back, their labels, and what each trained network answers in PyTorch."""
    with open_writer(folder / "digits_heldback.npz", deflate=True) as writer:
        writer.add_metadata(
            {
                "framework": f"torch {torch.__version__}",
                "dataset": f"scikit-learn {sklearn.__version__} load_digits",
                "accuracy": accuracies,
            }
        )
        writer.add("inputs/0", digits.held_back_images.numpy())
        writer.add("labels", digits.held_back_labels.numpy())
        for name, values in outputs.items():
            writer.add(f"{name}/outputs/0", values.numpy())
            writer.add(f"{name}/predictions", values.argmax(1).numpy())


def write_readme(accuracies: dict[str, float], folder: Path) -> None:
    """Says what each file is, with the figures just measured."""
    lines = [
        "# Fixtures",
        "",
        "Checkpoints and reference activations made by `tools/make-fixtures`, which also wrote",
        f"this page. PyTorch {torch.__version__}, scikit-learn {sklearn.__version__}. Beside them:",
        "",
        "- `keys/`: complete state dicts (name, shape, dtype, P parameter or B buffer);",
        "- `formats/`: files of every format and dialect, hostile ones among them, made by",
        "  `tools/make-format-fixtures`, `tools/make-pytorch-fixtures` and `tools/make-framework-fixtures`;",
        "- `operators/`: operators in float64, made by `tools/make-operator-fixtures`;",
        "- `images/`: pictures of every form that is read, what Pillow makes of them and what torchvision does,",
        "  made by `tools/make-image-fixtures`;",
        "- `networks/`: small networks whose references hold the network itself, made by",
        "  `tools/make-network-fixtures`;",
        "- `recordings/`: references with the faults of hand-made recordings, made by",
        "  `tools/make-recording-fixtures`.",
        "",
        "## Trained on real handwriting",
        "",
        "scikit-learn's 1797 handwritten digits, brought from 8x8 to 28x28 and to [0,1];",
        f"{handwriting.HELD_BACK} of them, the same share of each class, held back from training.",
        "`NAME.npz` and `NAME.h5` hold the same weights, `NAME_reference.npz` and `.h5` the",
        "activations on the first few digits held back. `digits_heldback.npz` holds all of those",
        "(`inputs/0`, `labels`) and PyTorch's `NAME/outputs/0` and `NAME/predictions`.",
        "",
        "| name | model | configuration | epochs | seed | digits in the reference "
        "| accuracy on digits held back |",
        "|---|---|---|---|---|---|---|",
    ]
    for spec in TRAINED:
        lines.append(
            f"| `{spec.name}` | `{spec.model_id}` | {_told(spec.config)} | {spec.epochs} "
            f"| {spec.seed} | {spec.batch} | {accuracies[spec.name]:.2%} |"
        )
    lines += [
        "",
        "`stn.npz` is stored, `stn.h5` flat and contiguous; `vit_digits.npz` is deflated,",
        "`vit_digits.h5` nested, chunked and filtered (gzip, shuffle, fletcher32).",
        "",
        "## Blocks with random weights",
        "",
        "Weights and batch-norm statistics are random, the latter near those of the data.",
        "",
        "| name | model | configuration | batch | size | seed | HDF5 too |",
        "|---|---|---|---|---|---|---|",
    ]
    for block in BLOCKS:
        lines.append(
            f"| `{block.name}` | `{block.model_id}` | {_told(block.config)} | {block.batch} "
            f"| {'x'.join(map(str, block.size))} | {block.seed} "
            f"| {'yes' if block.hdf5 else 'no'} |"
        )
    lines += [
        "",
        f"`{MANIFEST}` is checked by `sha256sum -c {MANIFEST}` in this folder; after adding a file,",
        "`tools/make-fixtures --manifest-only` writes it anew.",
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines))


def _told(config: dict) -> str:
    return ", ".join(f"{key}={value}" for key, value in config.items()) or "defaults"


def write_manifest(folder: Path) -> int:
    """One SHA-256 line for every file but the manifest itself; returns their size together."""
    lines, total = [], 0
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name == MANIFEST:
            continue
        data = path.read_bytes()
        total += len(data)
        lines.append(f"{hashlib.sha256(data).hexdigest()}  {path.relative_to(folder).as_posix()}")
    (folder / MANIFEST).write_text("\n".join(lines) + "\n")
    if total > LIMIT_BYTES:
        raise ToolError(f"the fixtures take {total} bytes, more than {LIMIT_BYTES}")
    return total


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="tools/make-fixtures", description="Makes the committed fixtures anew."
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument(
        "--manifest-only", action="store_true", help="only rewrite the SHA-256 manifest"
    )
    options = parser.parse_args(arguments)
    try:
        if not options.manifest_only:
            # One thread: a sum split differently would train to other weights.
            torch.set_num_threads(1)
            options.folder.mkdir(parents=True, exist_ok=True)
            digits = handwriting.load()
            outputs, accuracies = {}, {}
            for spec in TRAINED:
                outputs[spec.name], accuracies[spec.name] = make_trained(
                    spec, digits, options.folder
                )
                print(f"{spec.name}: {accuracies[spec.name]:.2%} of the digits held back")
            write_held_back(digits, outputs, accuracies, options.folder)
            for block in BLOCKS:
                make_block(block, options.folder)
            write_readme(accuracies, options.folder)
        total = write_manifest(options.folder)
        print(f"{options.folder}: {total} bytes")
    except (ToolError, OSError) as error:
        print(f"make-fixtures: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

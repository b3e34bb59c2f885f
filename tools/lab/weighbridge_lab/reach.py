"""The reach study: is what `weighbridge validate` lists as unseen what a verdict cannot see?

Every tensor of several checkpoints is changed a little in turn, and the command judges the changed
file: it must fail where the tensor was not listed, and pass where it was. Of tensors that are seen
in part, the values that no gradient of PyTorch's reaches are counted and then overwritten at random:
the counts must be equal, and the verdict a pass.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from weighbridge_recorder import ToolError, export, record

from . import figures
from .initialise import random_model
from .registry import InputOptions, row

ROOT = Path(__file__).resolve().parents[3]
# What the command tries, as a share of a tensor's RMS.
CHANGE = 2**-4

Prepare = Callable[[nn.Module, list[Tensor]], None]


@dataclass(frozen=True)
class Case:
    """A model and what is done to it or its inputs to hide something.

    Attributes:
        select: the modules that are recorded; all where None, none where empty.
    """

    row: str
    words: str
    config: dict = field(default_factory=dict)
    batch: int = 2
    size: tuple[int, int] | None = None
    prepare: Prepare | None = None
    select: tuple[str, ...] | None = None


@torch.no_grad()
def _zero_inputs(_: nn.Module, inputs: list[Tensor]) -> None:
    inputs[0].zero_()


@torch.no_grad()
def _zero_channel(_: nn.Module, inputs: list[Tensor]) -> None:
    inputs[0][:, 1] = 0


def _filled(ending: str, value: float) -> Prepare:
    @torch.no_grad()
    def prepare(model: nn.Module, _: list[Tensor]) -> None:
        for name, tensor in model.named_parameters():
            if name.endswith(ending):
                tensor.fill_(value)

    return prepare


@torch.no_grad()
def _decide_attention(model: nn.Module, _: list[Tensor]) -> None:
    """Queries and keys so large that every softmax is one-hot."""
    for name, tensor in model.named_parameters():
        if name.endswith("in_proj_weight"):
            tensor[: 2 * tensor.shape[1]] *= 1e4


SE = {"inplanes": 24, "planes": 20, "stride": 2, "downsample": True, "reduction": 8}
VIT = {
    "image_size": 28, "patch_size": 7, "num_classes": 7, "dim": 60, "depth": 2, "heads": 4,
    "mlp_dim": 72,
}
DETR = {
    "in_channels": 40, "hidden_dim": 48, "nheads": 3, "num_encoder_layers": 2,
    "dim_feedforward": 72,
}

CASES = [
    Case("se_layer", "as it is", {"channel": 32, "reduction": 4, "se_bias": True}, size=(6, 7)),
    Case("se_layer", "zero inputs", {"channel": 32, "reduction": 4, "se_bias": True}, size=(6, 7),
         prepare=_zero_inputs),
    Case("se_bottleneck", "as it is", SE, size=(12, 10)),
    Case("se_bottleneck", "one input channel zero", SE, size=(12, 10), prepare=_zero_channel),
    Case("se_bottleneck", "last norm's weight zero", SE, size=(12, 10),
         prepare=_filled("bn3.weight", 0)),
    Case("se_bottleneck", "last norm's weight zero, blocks alone recorded", SE, size=(12, 10),
         prepare=_filled("bn3.weight", 0), select=("se", "downsample")),
    Case("se_bottleneck", "rectifiers dead", SE, size=(12, 10),
         prepare=_filled("bn1.bias", -1e3)),
    Case("se_bottleneck", "outputs alone", SE, size=(12, 10), select=()),
    Case("stn", "as it is", batch=3),
    Case("stn", "rectifiers dead", batch=3, prepare=_filled("fc1.bias", -1e3)),
    Case("sk_block", "as it is",
         {"inplanes": 96, "planes": 64, "stride": 2, "downsample": True}, size=(10, 12)),
    Case("encoding", "as it is", {"in_channels": 9}, size=(5, 6)),
    Case("encoding", "softmax decided", {"in_channels": 9}, size=(5, 6),
         prepare=_filled("scale", -1e4)),
    Case("lvc_block", "as it is", {"c1": 24, "c2": 24}, size=(8, 6)),
    Case("evc_block", "as it is", {"in_channels": 20, "out_channels": 20}, size=(8, 6)),
    Case("detr_encoder", "as it is", DETR),
    Case("detr_encoder", "attention decided", DETR, prepare=_decide_attention),
    Case("vit", "as it is", VIT),
    Case("vit", "outputs alone", VIT, select=()),
    Case("se_resnet18", "images of 32x32", {"num_classes": 10}, size=(32, 32)),
]


@dataclass
class Found:
    """What was found of a case."""

    case: Case
    tensors: int = 0
    unseen: int = 0
    untried: int = 0
    wrong: list[str] = field(default_factory=list)
    partly: int = 0
    values: int = 0
    miscounted: list[str] = field(default_factory=list)
    noticed: list[str] = field(default_factory=list)
    reach: float = 0.0
    forward: float = 0.0

    @property
    def holds(self) -> bool:
        return not (self.wrong or self.miscounted or self.noticed)

    def cells(self) -> list[object]:
        return [
            f"`{self.case.row}`, {self.case.words}", self.tensors, self.unseen, self.untried,
            len(self.wrong), self.partly, self.values, len(self.miscounted), len(self.noticed),
            f"{self.reach * 1e3:.1f} / {self.forward * 1e3:.1f}",
        ]


COLUMNS = [
    "model", "tensors", "listed unseen", "not tried", "verdict says otherwise", "seen in part",
    "their unseen values", "counted otherwise", "garbage noticed", "reach / forward ms",
]


def changed(name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    """The tensor with every value moved by 1/16 of its RMS, up or down; a variance stays one."""
    if name.endswith("running_var"):
        return tensor * (1 + CHANGE)
    rms = float(tensor.double().square().mean().sqrt()) or 1.0
    signs = torch.randint(0, 2, tensor.shape, generator=generator) * 2 - 1
    return tensor + signs * (CHANGE * rms)


def hidden(model: nn.Module, inputs: list[Tensor], seed: int) -> dict[str, Tensor]:
    """For the weights of PyTorch's own layers: which values no gradient reaches, in any call."""
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, Tensor] = {}
    names = {module: name for name, module in model.named_modules()}

    def look(module: nn.Module, given: tuple[Tensor, ...], _: object) -> None:
        own = [(n, p) for n, p in module.named_parameters(recurse=False)]
        with torch.enable_grad():
            leaves = [p.detach().clone().requires_grad_() for _, p in own]
            call = {n: leaf for (n, _), leaf in zip(own, leaves)}
            handles, module._forward_hooks = module._forward_hooks, type(module._forward_hooks)()
            result = torch.func.functional_call(module, call, tuple(x.detach() for x in given))
            module._forward_hooks = handles
            weights = torch.randn(result.shape, generator=generator)
            gradients = torch.autograd.grad((result * weights).sum(), leaves)
        for (name, _), gradient in zip(own, gradients):
            full = f"{names[module]}.{name}".lstrip(".")
            found[full] = found.get(full, torch.ones_like(gradient, dtype=torch.bool)) & (gradient == 0)

    layers = (nn.Conv2d, nn.Linear, nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
    handles = [m.register_forward_hook(look) for m in model.modules() if type(m) in _kinds(layers)]
    with torch.no_grad():
        model(*[x.clone() for x in inputs])
    for handle in handles:
        handle.remove()
    return found


def _kinds(layers: tuple[type, ...]) -> set[type]:
    """The classes themselves: PyTorch applies subclasses such as attention's without calling them."""
    return {nn.BatchNorm1d, nn.BatchNorm2d, *layers}


class Study:
    """One case: its files, and the command."""

    def __init__(self, case: Case, binary: Path, folder: Path, seed: int) -> None:
        self.case, self.binary, self.folder, self.seed = case, binary, folder, seed
        chosen = row(case.row)
        config = chosen.config(case.config)
        self.model = random_model(case.row, config, seed, case.size).eval()
        generator = torch.Generator().manual_seed(seed + 1)
        self.inputs = chosen.inputs(config, case.batch, generator, InputOptions(size=case.size))
        if case.prepare is not None:
            case.prepare(self.model, self.inputs)
        self.state = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.reference = folder / "reference.npz"
        select = None if case.select is None else list(case.select)
        record(self.model, self.inputs, self.reference, model_id=case.row,
               config=chosen.metadata_config(config), select=select)

    def validate(self, state: dict[str, Tensor], reach: str) -> tuple[int, dict]:
        """The command's exit status and report for these weights."""
        weights = self.folder / "weights.npz"
        export(state, weights)
        command = [self.binary, "validate", "--model", self.case.row, "--weights", weights,
                   "--reference", self.reference, "--reach", reach, "--json", "-",
                   # Some cases show few parameters on purpose.
                   "--allow-partial"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise ToolError(f"{self.case.row}, {self.case.words}: {done.stderr.splitlines()[:1]}")
        return done.returncode, json.loads(done.stdout)

    def run(self) -> Found:
        found = Found(self.case)
        self.validate(self.state, "auto")
        _, quick = self.validate(self.state, "auto")
        found.reach, found.forward = quick["seconds"]["reach"], quick["seconds"]["forward"]
        found.untried = sum(d["standing"] == "untried" for d in quick["reach"]["details"])
        status, report = self.validate(self.state, "always")
        if status != 0:
            raise ToolError(f"{self.case.row}, {self.case.words}: the right weights do not pass")
        unseen = set(report["unseen"])
        generator = torch.Generator().manual_seed(self.seed)
        for name, tensor in self.state.items():
            if not tensor.is_floating_point():
                continue
            found.tensors += 1
            found.unseen += name in unseen
            status, _ = self.validate(
                {**self.state, name: changed(name, tensor, generator)}, "never")
            if (status == 0) != (name in unseen):
                found.wrong.append(name)
        self._look_at_parts(report, found, generator)
        return found

    def _look_at_parts(self, report: dict, found: Found, generator: torch.Generator) -> None:
        masks = hidden(self.model, self.inputs, self.seed)
        for detail in report["reach"]["details"]:
            name, mask = detail["parameter"], masks.get(detail["parameter"])
            if detail["standing"] != "partly":
                continue
            found.partly += 1
            found.values += detail["unseen_values"]
            tensor = self.state[name]
            other = torch.randn(tensor.shape, generator=generator)
            if mask is None:
                # Rows of queries and keys, hidden by a softmax that is decided: by their own size.
                mask, other = _sections(tensor, detail["reason"]), changed(name, tensor, generator)
            elif int(mask.sum()) != detail["unseen_values"]:
                found.miscounted.append(f"{name} ({int(mask.sum())})")
                continue
            status, _ = self.validate(
                {**self.state, name: torch.where(mask, other, tensor)}, "never")
            if status != 0:
                found.noticed.append(name)


def _sections(tensor: Tensor, reason: str) -> Tensor:
    """Where the rows of queries, keys and values are that a report calls unseen."""
    mask = torch.zeros(tensor.shape, dtype=torch.bool)
    rows = tensor.shape[0] // 3
    for index, section in enumerate("qkv"):
        if section in reason.rpartition("rows of ")[2].split(", "):
            mask[index * rows : (index + 1) * rows] = True
    return mask


def studied(options: argparse.Namespace) -> Iterator[Found]:
    wanted = options.rows.split(",") if options.rows else None
    for case in CASES:
        if wanted is not None and case.row not in wanted:
            continue
        with tempfile.TemporaryDirectory(prefix="weighbridge-reach-") as folder:
            started = time.monotonic()
            found = Study(case, options.binary, Path(folder), options.seed).run()
        print(f"{'ok   ' if found.holds else 'WRONG'} {case.row}, {case.words}: {found.tensors} tensors, "
              f"{found.unseen} unseen, {found.partly} in part; {time.monotonic() - started:.0f} s",
              flush=True)
        for title, names in [("verdict says otherwise", found.wrong),
                             ("counted otherwise", found.miscounted),
                             ("garbage noticed", found.noticed)]:
            if names:
                print(f"      {title}: {', '.join(names)}", flush=True)
        yield found


def page(found: list[Found], options: argparse.Namespace) -> list[str]:
    tensors = sum(f.tensors for f in found)
    wrong = sum(len(f.wrong) for f in found)
    parts = sum(f.partly for f in found)
    return [
        "# What a verdict cannot see",
        figures.provenance(f"tools/reach --seed {options.seed} --markdown FILE"),
        "Every tensor is changed by 1/16 of its RMS, up or down at random, in a checkpoint of its own, "
        "and `weighbridge validate` judges that: it must fail where the tensor was not listed under "
        "`unseen`, and pass where it was. Where a tensor is seen in part, the values that no gradient "
        "reaches in PyTorch are counted and overwritten at random: that must pass. "
        "*Not tried* is what the automatic budget left out; the lists compared are those of "
        "`--reach always`.",
        figures.table(COLUMNS, [f.cells() for f in found]),
        f"{tensors} tensors changed, {tensors - wrong} verdicts as listed; {parts} seen in part.",
        *[
            f"- `{f.case.row}`, {f.case.words}: "
            + "; ".join(
                f"{title}: {', '.join(names)}"
                for title, names in [("verdict says otherwise", f.wrong),
                                     ("counted otherwise", f.miscounted),
                                     ("garbage noticed", f.noticed)]
                if names
            )
            for f in found if not f.holds
        ],
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/reach", description=__doc__)
    parser.add_argument("--rows", help="only these models, with commas between them")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/weighbridge")
    parser.add_argument("--markdown", type=Path, help="writes the table there")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    np.seterr(all="ignore")
    try:
        if not options.binary.is_file():
            raise ToolError(f"{options.binary} does not exist: build it, or give --binary")
        found = list(studied(options))
    except (ToolError, OSError) as error:
        print(f"reach: {error}", file=sys.stderr)
        return 64
    if options.markdown is not None:
        figures.write(options.markdown, *page(found, options))
    return 0 if found and all(f.holds for f in found) else 1


if __name__ == "__main__":
    sys.exit(main())

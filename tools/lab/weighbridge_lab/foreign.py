"""The calibration study's other half: networks that are not built in, right and damaged.

Run as `tools/foreign/study`. Each is timm's own, its Swift form is in tools/foreign, and it is
validated as a user's program does: with the model in float64 beside it, and without. A right network
that fails is a false alarm; a damaged one that passes is a miss.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from weighbridge_recorder import export, record

State = dict[str, Tensor]


def networks() -> dict[str, Callable[[], nn.Module]]:
    """The networks by the names that weighbridge-foreign knows them by."""
    # torchvision's compiled operators need another build of PyTorch; timm wants the names alone.
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import timm

    return {"visformer_tiny": lambda: timm.create_model("visformer_tiny")}


@torch.no_grad()
def draw(model: nn.Module) -> None:
    """Random weights with some signal at every depth, and nothing that calibrates them."""
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif tensor.ndim > 1:
            tensor.normal_(0, tensor[0].numel() ** -0.5)
        else:
            tensor.normal_(0, 0.2).add_(1 if name.endswith("weight") else 0)


def damages(state: State) -> Iterator[tuple[str, State]]:
    """The state dict with one thing wrong at a time, from the first layers to the last."""
    kernels = [name for name, x in state.items() if x.ndim == 4 and x.shape[0] > 1]
    vectors = [name for name, x in state.items() if x.ndim == 1 and name.endswith("bias")]
    means = [name for name in state if name.endswith("running_mean")]
    for name in kernels[:: max(1, len(kernels) // 4)]:
        changed = state[name].clone()
        changed[[0, 1]] = changed[[1, 0]]
        yield f"{name}: two outputs swapped", {**state, name: changed}
    for name in vectors[1 :: max(1, len(vectors) // 4)]:
        yield f"{name}: 0.01 more", {**state, name: state[name] + 0.01}
    for name in means[2 :: max(1, len(means) // 3)]:
        yield f"{name}: 1 % larger", {**state, name: state[name] * 1.01 + 1e-3}


def verdict(binary: Path, name: str, weights: Path, reference: Path, twin: bool) -> tuple[int, str]:
    command = [binary, name, weights, reference, *([] if twin else ["--no-twin"])]
    finished = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return finished.returncode, (finished.stdout.splitlines() or [finished.stderr.strip()])[0]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/foreign/study", description=__doc__.split("\n")[0])
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--damage", type=int, default=1, help="seeds that are damaged, too")
    options = parser.parse_args(arguments)
    alarms, misses, right, wrong = [], [], 0, 0
    for name, make in networks().items():
        for seed in range(options.first, options.first + options.seeds):
            for is_drawn in (False, True):
                torch.manual_seed(seed)
                model = make().eval()
                if is_drawn:
                    draw(model)
                label = f"{name}, seed {seed}, {'drawn' if is_drawn else 'as initialised'}"
                with tempfile.TemporaryDirectory(prefix="weighbridge-foreign-") as folder:
                    weights, reference = Path(folder) / "w.npz", Path(folder) / "r.npz"
                    record(model, [torch.randn(1, 3, 224, 224)], reference)
                    state = {key: value.clone() for key, value in model.state_dict().items()}
                    cases = [("right", state)]
                    if seed < options.first + options.damage:
                        cases += damages(state)
                    for what, changed in cases:
                        weights.unlink(missing_ok=True)
                        export(changed, weights)
                        for twin in (True, False):
                            status, line = verdict(options.binary, name, weights, reference, twin)
                            said = f"{label}, {what}, {'' if twin else 'no '}twin: {line}"
                            print(said, flush=True)
                            if what == "right":
                                right += 1
                                if status != 0:
                                    alarms.append(said)
                            else:
                                wrong += 1
                                if status != 1:
                                    misses.append(said)
    print(f"\n{right} right runs, {len(alarms)} false alarms", *alarms, sep="\n")
    print(f"{wrong} damaged runs, {len(misses)} missed", *misses, sep="\n")
    return 1 if alarms or misses else 0


if __name__ == "__main__":
    sys.exit(main())

"""The check that `weighbridge validate` replaces, as one would write it: a PyTorch script.

    python validate_with_torch.py MODEL WEIGHTS.npz REFERENCE.npz

Loads the weights into the PyTorch model, runs it on the reference's inputs and compares every
recorded activation with the one that a forward hook sees.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

TOOLS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOOLS / "recorder"), str(TOOLS / "lab")]

from weighbridge_lab import ROWS  # noqa: E402


def main() -> int:
    model_id, weights_path, reference_path = sys.argv[1:]
    reference = np.load(reference_path)
    row = ROWS[model_id]
    config = row.config(json.loads(str(reference["metadata"]))["config"])
    model = row.build(config).eval()
    weights = np.load(weights_path)
    model.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights.files})
    calls: dict[str, int] = {}
    worst = 0.0
    compared = 0

    def compare(name: str, output: torch.Tensor) -> None:
        nonlocal worst, compared
        expected = torch.from_numpy(reference[name])
        worst = max(worst, float((output - expected).abs().max()))
        compared += 1

    def hook(path: str):
        def seen(_module, _inputs, output) -> None:
            call = calls.get(path, 0)
            calls[path] = call + 1
            name = f"activations/{path}" + (f"#{call}" if call else "")
            if name in reference.files and isinstance(output, torch.Tensor):
                compare(name, output)

        return seen

    for path, module in model.named_modules():
        if path:
            module.register_forward_hook(hook(path))
    inputs = [
        torch.from_numpy(reference[name]) for name in reference.files if name.startswith("inputs/")
    ]
    with torch.inference_mode():
        output = model(*inputs)
    outputs = output if isinstance(output, tuple) else (output,)
    for index, tensor in enumerate(outputs):
        compare(f"outputs/{index}", tensor)
    print(f"{compared} tensors compared, largest difference {worst:.3g}")
    return 0 if worst < 1e-2 else 1


if __name__ == "__main__":
    sys.exit(main())

"""What inputs hide: a model that is given nothing shows nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def idle(inputs: Sequence[Tensor]) -> Iterator[str]:
    """What is wrong with inputs that excite little, one sentence each.

    Floating-point inputs of one element say what they say, and so do integers and masks.
    """
    for index, tensor in enumerate(inputs):
        if not tensor.is_floating_point() or tensor.numel() < 2:
            continue
        name = f"inputs/{index}"
        values = tensor.detach()
        finite = torch.isfinite(values)
        if not bool(finite.all()):
            yield f"{name} holds {int((~finite).sum())} NaN or infinite values: they hide what is wrong"
        elif not bool(values.any()):
            yield f"{name} is all zeros: weights that multiply it are never seen"
        elif bool((values == values.flatten()[0]).all()):
            yield f"{name} is the same value throughout: orders of axes and channels are never seen"
        elif values.dim() > 2 and values.shape[1] > 1:
            dead = [i for i in range(values.shape[1]) if not bool(values[:, i].any())]
            if dead:
                some = ", ".join(map(str, dead[:4])) + " ..." * (len(dead) > 4)
                yield f"{name} is all zeros at [:, {some}]: weights that multiply it are never seen"

"""Entry points of timm drawn at random from those that the study does not name."""

from __future__ import annotations

import random

from ..record_study.networks import LIBRARIES


def drawn(count: int, seed: int) -> list[str]:
    """The same for the same timm: names in the order in which they were drawn."""
    import timm

    others = sorted(set(timm.list_models()) - set(LIBRARIES["timm"]))
    return random.Random(seed).sample(others, min(count, len(others)))

"""Every bug, by family."""

from __future__ import annotations

from . import (
    activations,
    attention,
    geometry,
    images,
    layouts,
    normalization,
    recordings,
    values,
    wiring,
)
from .bug import Bug

BUGS: list[Bug] = [
    *layouts.BUGS,
    *values.BUGS,
    *normalization.BUGS,
    *activations.BUGS,
    *geometry.BUGS,
    *attention.BUGS,
    *wiring.BUGS,
    *images.BUGS,
    *recordings.BUGS,
]

"""The keys `bn_eps` and `ln_eps`, which override the eps of every norm of a kind in a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from torch import nn

if TYPE_CHECKING:
    from .registry import Row

_NORMS = {"bn_eps": nn.BatchNorm2d, "ln_eps": nn.LayerNorm}
_BATCH_NORMS = ("se_bottleneck", "se_resnet", "se_inception3", "sk_conv", "sk_block", "sknet")
_LAYER_NORMS = ("patch_embed", "patch_merging", "vit", "detr_encoder")


def with_eps(row: Row) -> Row:
    """The row with the key of its norms, where it has any and does not handle the key itself."""
    if row.id.startswith(_BATCH_NORMS):
        key = "bn_eps"
    elif row.id in _LAYER_NORMS:
        key = "ln_eps"
    else:
        return row

    def build(config: dict[str, Any]) -> nn.Module:
        model = row.build({name: value for name, value in config.items() if name != key})
        for module in model.modules():
            if config[key] is not None and isinstance(module, _NORMS[key]):
                module.eps = config[key]
        return model

    return replace(
        row, defaults={**row.defaults, key: None}, build=build, types={**row.types, key: float}
    )

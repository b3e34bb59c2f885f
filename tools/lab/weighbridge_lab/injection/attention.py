"""Attention: scale, heads, the order of queries, keys and values, the axis of the softmax."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..patches import PatchMerging
from ..vit import Attention, ScaledDotProductAttention, ViT
from .bug import CHECKPOINT, MODEL, Bug, Patient, Site
from .layouts import tensor_site
from .subject import Subject


def split_heads(x: Tensor, heads: int, interleaved: bool) -> Tensor:
    """[B,n,inner] -> [B,heads,n,width]; the inner axis counts (h d), interleaved (d h)."""
    if interleaved:
        return x.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2)
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor, scale: float, axis: int) -> Tensor:
    return ((q @ k.transpose(-1, -2)) * scale).softmax(dim=axis) @ v


class WrongAttention(Attention):
    """`vit`'s attention with a mistake: `order`, `heads`, `scale`, `interleaved`, `axis`."""

    order = (0, 1, 2)
    interleaved = False
    axis = -1

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        parts = self.to_qkv(x).chunk(3, dim=-1)
        q, k, v = (split_heads(parts[i], self.heads, self.interleaved) for i in self.order)
        return self.to_out(attend(q, k, v, self.scale, self.axis).transpose(1, 2).flatten(2))


class WrongMultiheadAttention(nn.MultiheadAttention):
    """`detr_encoder`'s attention with a mistake; inputs [n,B,d], no mask."""

    order = (0, 1, 2)
    interleaved = False
    axis = -1
    scale: float | None = None

    def forward(self, query: Tensor, key: Tensor, value: Tensor, **_: Any) -> tuple:
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        parts = [
            split_heads(
                F.linear(x.transpose(0, 1), weights[i], biases[i]), self.num_heads,
                self.interleaved,
            )
            for x, i in zip((query, key, value), self.order)
        ]
        scale = self.scale if self.scale is not None else parts[0].shape[-1] ** -0.5
        out = attend(*parts, scale, self.axis).transpose(1, 2).flatten(2)
        return self.out_proj_of(out).transpose(0, 1), None

    def out_proj_of(self, x: Tensor) -> Tensor:
        # As a function: PyTorch's own does not call it as a module, either.
        return F.linear(x, self.out_proj.weight, self.out_proj.bias)


class WrongDotProduct(ScaledDotProductAttention):
    axis = -1

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attend(q, k, v, self.scale if self.scale is not None else 1.0, self.axis)


def _wrong(
    vit: dict[str, Callable[[Attention], Any]] | None,
    detr: dict[str, Callable[[nn.MultiheadAttention], Any]] | None,
    plain: dict[str, Callable[[ScaledDotProductAttention], Any]] | None,
) -> Callable[[Subject], Iterator[Site]]:
    """Sites in each kind of attention, with what to set there, computed from the module."""
    kinds = [
        (Attention, WrongAttention, vit, lambda path: (f"{path}.to_out.0", path)),
        (nn.MultiheadAttention, WrongMultiheadAttention, detr, lambda path: (path,)),
        (ScaledDotProductAttention, WrongDotProduct, plain, lambda path: ("outputs/0",)),
    ]

    def sites(subject: Subject) -> Iterator[Site]:
        for kind, wrong, settings, paths in kinds:
            if settings is None:
                continue
            for path, module in subject.modules(kind):
                values = {name: value(module) for name, value in settings.items()}
                if all(getattr(module, name, None) == value for name, value in values.items()):
                    continue  # no mistake here
                yield _wrong_site(path or subject.row, path, wrong, values, paths(path))

    return sites


def _wrong_site(
    where: str, path: str, wrong: type[nn.Module], values: dict[str, Any], paths: tuple[str, ...]
) -> Site:
    return Site(where, paths, lambda patient: patient.become(path, wrong, **values))


def other_heads(inner: int, heads: int) -> int:
    """Another number of heads that divides the width."""
    return next(n for n in (3, 4, 2, 6, 1) if n != heads and inner % n == 0)


def _inner(module: Attention) -> int:
    return module.to_out[0].in_features


def _other_scale(module: Attention) -> float:
    """Head width for dim, or the other way round."""
    dim, width = module.to_qkv.in_features, _inner(module) // module.heads
    options = [dim**-0.5, width**-0.5]
    return max(options, key=lambda scale: abs(scale - module.scale))


def _vit_heads(module: Attention) -> int:
    return other_heads(_inner(module), module.heads)


def _following_scale(module: Attention) -> float:
    """The scale with another number of heads: by the head's width only if it was before."""
    if abs(module.scale - (_inner(module) / module.heads) ** -0.5) < 1e-9:
        return (_inner(module) / _vit_heads(module)) ** -0.5
    return module.scale


def _order(order: tuple[int, int, int]) -> Callable[[Subject], Iterator[Site]]:
    return _wrong({"order": lambda m: order}, {"order": lambda m: order}, None)


def projections(subject: Subject) -> dict[str, int]:
    """Tensors whose rows are q, k, v, with the number of heads."""
    found = {}
    for path, module in subject.modules(Attention):
        found[f"{path}.to_qkv.weight"] = module.heads
    for path, module in subject.modules(nn.MultiheadAttention):
        found[f"{path}.in_proj_weight"] = module.num_heads
    return found


def _rows_in_order(order: tuple[int, int, int]) -> Callable[[Subject], Iterator[Site]]:
    def sites(subject: Subject) -> Iterator[Site]:
        for name in projections(subject):

            def change(w: Tensor) -> Tensor:
                parts = w.chunk(3)
                return torch.cat([parts[i] for i in order])

            yield from _with_bias(subject, name, change)

    return sites


def _with_bias(
    subject: Subject, name: str, change: Callable[[Tensor], Tensor]
) -> Iterator[Site]:
    """A change of the rows of a projection, and of its bias where it has one."""
    bias = name.replace("in_proj_weight", "in_proj_bias")
    for site in tensor_site(subject, name, change):

        def damage(patient: Patient) -> None:
            site.damage(patient)
            if bias != name:
                patient.state[bias] = change(patient.state[bias])

        yield Site(site.where, site.paths, damage, site.accepts)


def _rows_interleaved(subject: Subject) -> Iterator[Site]:
    """Each part's rows counted head-fastest."""
    for name, heads in projections(subject).items():

        def change(w: Tensor, heads: int = heads) -> Tensor:
            parts = [p.unflatten(0, (heads, -1)).transpose(0, 1).flatten(0, 1) for p in w.chunk(3)]
            return torch.cat(parts)

        yield from _with_bias(subject, name, change)


class ChannelFirstViT(ViT):
    """Patches flattened in the order (c,p1,p2)."""

    def _patches(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        p = self.patch_size
        x = x.view(batch, channels, height // p, p, width // p, p)
        return x.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, p * p * channels)


class RowFirstMerging(PatchMerging):
    """The four neighbours in the order (0,0), (0,1), (1,0), (1,1) of (row,column)."""

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        side = int(length**0.5)
        x = x.view(batch, side // 2, 2, side // 2, 2, width)
        x = x.permute(0, 1, 3, 2, 4, 5).reshape(batch, length // 4, 4 * width)
        return self.reduction(self.norm(x))


def _patch_order(subject: Subject) -> Iterator[Site]:
    accepts = ("weight-layout", "flatten-order")
    if subject.row == "vit":
        yield Site(
            "vit", ("patch_to_embedding",), lambda p: p.become("", ChannelFirstViT), accepts
        )
    if subject.row == "patch_merging":
        yield Site("patch_merging", ("norm",), lambda p: p.become("", RowFirstMerging))


BUGS = [
    Bug(
        "attention-scale", "dim or head", MODEL,
        _wrong(
            {"scale": _other_scale},
            {"scale": lambda m: m.embed_dim**-0.5},
            {"scale": lambda m: 12**-0.5},
        ),
    ),
    Bug(
        "attention-scale", "none", MODEL,
        _wrong({"scale": lambda m: 1.0}, {"scale": lambda m: 1.0}, {"scale": lambda m: 1.0}),
    ),
    Bug(
        "heads-count", "another", MODEL,
        _wrong(
            {"heads": _vit_heads, "scale": _following_scale},
            {"num_heads": lambda m: other_heads(m.embed_dim, m.num_heads)},
            None,
        ),
    ),
    Bug(
        "heads-interleaved", "in the model", MODEL,
        _wrong({"interleaved": lambda m: True}, {"interleaved": lambda m: True}, None),
    ),
    Bug("heads-interleaved", "rows", CHECKPOINT, _rows_interleaved),
    Bug("qkv-order", "k q v", MODEL, _order((1, 0, 2))),
    Bug("qkv-order", "v k q", MODEL, _order((2, 1, 0))),
    Bug("qkv-order", "rows k q v", CHECKPOINT, _rows_in_order((1, 0, 2))),
    Bug("qkv-order", "rows q v k", CHECKPOINT, _rows_in_order((0, 2, 1))),
    Bug("qkv-order", "rows v q k", CHECKPOINT, _rows_in_order((2, 0, 1))),
    Bug(
        "softmax-axis", "attention", MODEL,
        _wrong({"axis": lambda m: -2}, {"axis": lambda m: -2}, {"axis": lambda m: -2}),
    ),
    Bug("patch-order", "in the model", MODEL, _patch_order),
]

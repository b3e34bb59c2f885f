"""Scrambled checkpoints hold what the originals do, and say where."""

from __future__ import annotations

import torch
from weighbridge_lab.scramble import scrambled


def _state() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    shapes = {
        "a.weight": (4, 6), "b.weight": (4, 6), "c.weight": (8, 3, 3, 3), "c.bias": (8,),
        "x.to_qkv.weight": (12, 4), "n": (),
    }
    return {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}


def test_every_value_is_somewhere():
    state = _state()
    for seed in range(20):
        made = scrambled(state, seed, cut=0.5, joined=0.5)
        assert set(made.sources) == set(state)
        assert set().union(*made.sources.values()) == set(made.tensors)
        before = torch.cat([t.flatten() for t in state.values()]).sort().values
        after = torch.cat([t.flatten() for t in made.tensors.values()]).sort().values
        assert torch.equal(before, after)


def test_names_and_order_tell_nothing():
    made = scrambled(_state(), 1)
    assert all(name.startswith("tensor.") for name in made.tensors)
    orders = {tuple(scrambled(_state(), seed).sources["c.bias"]) for seed in range(5)}
    assert len(orders) > 1


def test_changes_are_counted():
    made = scrambled(_state(), 2, transposed=1, cut=1, joined=1)
    assert made.changed["joined"] == 1
    assert made.changed["cut"] == 1
    assert len(made.sources["x.to_qkv.weight"]) == 3
    plain = scrambled(_state(), 2, transposed=0, cut=0, joined=0)
    assert sum(plain.changed.values()) == 0

"""Writes a state dict as npz, HDF5 or safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from .errors import ToolError
from .modules import unwrapped
from .storage import HDF5Options, numpy_of, open_writer


def export(
    source: nn.Module | Mapping[str, Tensor],
    path: str | Path,
    *,
    deflate: bool = False,
    hdf5: HDF5Options = HDF5Options(),
    dtype: torch.dtype | None = None,
) -> None:
    """Writes weights under their own names, one entry at a time, in the format `path` names.

    Args:
        source: a network, or its state dict.
        deflate: compress the entries of an npz.
        hdf5: layout and filters of an HDF5 file.
        dtype: convert floating-point tensors to this type; integers stay as they are.
    """
    state = _state(source)
    with open_writer(Path(path), deflate=deflate, hdf5=hdf5) as writer:
        for name, tensor in state.items():
            if dtype is not None and tensor.is_floating_point():
                tensor = tensor.to(dtype)
            writer.add(name, numpy_of(tensor))


def _state(source: object) -> Mapping[str, Tensor]:
    if isinstance(source, torch.export.ExportedProgram):
        return source.state_dict
    if isinstance(source, nn.Module):
        return unwrapped(source).state_dict()
    if not isinstance(source, Mapping):
        raise ToolError(
            f"the source must be a torch.nn.Module or its state dict, not a {type(source).__name__}"
        )
    for name, value in source.items():
        if not isinstance(value, Tensor):
            raise ToolError(
                f"the member {name} is a {type(value).__name__} and no tensor: hand the state dict "
                "itself over, such as checkpoint['state_dict']"
            )
    return source

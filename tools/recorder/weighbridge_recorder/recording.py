"""Records what every module of a PyTorch model returned, for Weighbridge to compare with."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import progress
from .errors import ToolError
from .excitation import broken, idle
from .modules import checked, eval_mode, without_fast_path
from .nesting import flatten
from .network import Network, describe, said
from .runs import Recording, arguments_of, run
from .sampling import DEFAULT_LIMIT, MINIMUM_LIMIT, Sampling
from .storage import ArrayWriter, check_destination, numpy_of, open_writer


def record(
    model: nn.Module,
    inputs: Tensor | Sequence[Any],
    path: str | Path,
    *,
    kwargs: Mapping[str, Any] | None = None,
    model_id: str | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int | None = None,
    noise: bool = True,
    select: Sequence[str] | None = None,
    sample: int | bool | None = None,
    sample_seed: int = 0,
    network: bool = False,
    pictures: Sequence[str | Path] | None = None,
    transform: str | None = None,
) -> Recording:
    """Runs `model` in eval mode and writes the reference file `path` (.npz, .h5, .safetensors).

    Args:
        inputs: the positional arguments in call order, or the only one. Their tensors, those in
            tuples, lists and dictionaries too, are stored as `inputs/0`, `inputs/1` ...
        kwargs: arguments passed by name; their tensors are stored after the positional ones.
        model_id, config, seed: stored in the metadata where given.
        noise: also run a copy in float64 and store how far each result was from it.
        select: record only modules whose path matches one of these shell patterns (`layer1.*`).
        sample: keep at most this many elements of a large activation, and sums of the others
            (`weighbridge_recorder.sampling`); True: the usual number.
        sample_seed: chooses which elements.
        network: also write what the network is and what each forward does, enough to run it and to
            write its Swift source (tools/recorder/NETWORK.md).
        pictures, transform: the files that the first input was made of, in their order, and how, as
            `weighbridge run --transform` has it (`resize=256,crop=224,normalize=imagenet`): then
            `weighbridge validate --image` proves that part, too.
    """
    described_pictures = _pictures(pictures, transform)
    model = checked(model)
    check_destination(Path(path))
    arguments, kwargs = arguments_of(inputs, kwargs)
    sampling = _sampling(sample, sample_seed)
    with progress.shown():
        recording = run(model, arguments, kwargs, noise=noise, select=select)
        progress.stage("the network")
        progress.at("what each forward does")
        described = _described(model, arguments, kwargs) if network else None
    # After the run: an error is the first thing said.
    for text in idle([tensor for _, tensor in flatten([arguments, list(kwargs.values())])]):
        warnings.warn(f"{text}; record random or real data", stacklevel=2)
    for text in broken(recording.outputs):
        warnings.warn(f"{text}; look for the module that made them first", stacklevel=2)
    for text in recording.little_excited:
        warnings.warn(f"{text}; record other data, or several samples", stacklevel=2)
    by_name = {name: [suffix for suffix, _ in flatten(value)] for name, value in kwargs.items()}
    metadata: dict[str, Any] = {"framework": f"torch {torch.__version__}"}
    optional = {
        "model": model_id,
        "config": None if config is None else dict(config),
        "seed": seed,
        "input_names": [n + suffix for n, found in by_name.items() for suffix in found] or None,
        "output_names": recording.output_names,
        "aliases": recording.aliases or None,
        "select": None if select is None else list(select),
        "left_out": recording.left_out or None,
        "noise_missing": recording.noise_missing,
        "dtypes": recording.dtypes or None,
        "autocast": recording.autocast,
        "not_repeatable": recording.not_repeatable or None,
        "classes": recording.classes or None,
        "fast_path": "off" if recording.fast_path_off else None,
        "pictures": described_pictures,
    }
    metadata.update({key: value for key, value in optional.items() if value is not None})
    with progress.shown(), open_writer(Path(path)) as writer:
        progress.stage("writing")
        for index, (_, tensor) in enumerate(flatten([arguments, list(kwargs.values())])):
            writer.add(f"inputs/{index}", numpy_of(tensor))
        for index, array in enumerate(recording.outputs):
            writer.add(f"outputs/{index}", array)
        for name, array in recording.activations.items():
            progress.at(name)
            _write_activation(writer, name, array, sampling)
        for name, array in recording.noise.items():
            writer.add(f"noise/{name}", array)
        if described is not None:
            for index, array in enumerate(described.constants):
                writer.add(f"constants/{index}", array)
            writer.add("network", np.frombuffer(described.text().encode(), np.uint8))
        if sampling is not None and sampling.entries:
            metadata["sampling"] = sampling.metadata()
        writer.add_metadata(metadata)
    return recording


def _described(model: nn.Module, arguments: list[Any], kwargs: dict[str, Any]) -> Network:
    """After the run: what a first forward caches is there."""
    with eval_mode(model), without_fast_path(model):
        described = describe(model, arguments, kwargs)
    # One size of images is what many networks are made for.
    limits = [limit for limit in described.content["limits"] if limit["kind"] != "size"]
    if limits:
        more = f" (and {len(limits) - 1} more)" * (len(limits) > 1)
        warnings.warn(f"the network is not all recorded: {said(limits[0])}{more}", stacklevel=3)
    return described


def _write_activation(
    writer: ArrayWriter, name: str, array: np.ndarray, sampling: Sampling | None
) -> None:
    if sampling is None or not sampling.takes(array):
        writer.add(f"activations/{name}", array)
        return
    samples, sums = sampling.take(name, array)
    writer.add(f"samples/{name}", samples)
    writer.add(f"sums/{name}", sums)


def _pictures(
    pictures: Sequence[str | Path] | None, transform: str | None
) -> dict[str, Any] | None:
    """What the metadata says of pictures."""
    if pictures is None and transform is None:
        return None
    if not pictures or not transform or isinstance(pictures, str | Path):
        raise ToolError("pictures is a list of files, and transform says what was done to them")
    sums = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in pictures]
    names = [Path(path).name for path in pictures]
    return {"files": names, "sha256": sums, "transform": transform}


def _sampling(sample: int | bool | None, seed: int) -> Sampling | None:
    if sample is None or sample is False:
        return None
    limit = DEFAULT_LIMIT if sample is True else sample
    if limit < MINIMUM_LIMIT:
        raise ToolError(f"{limit} elements of an activation are too few: at least {MINIMUM_LIMIT}")
    return Sampling(seed, limit)

"""Keras' InceptionV3 in every form in which Keras saves it, with Keras' own activations.

Keras runs on torch. Its names count the layers of the process, so that the forms are of two networks, the
second of which begins at `conv2d_94`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy

os.environ.setdefault("KERAS_BACKEND", "torch")

# By the study's name: how the file's name ends.
KERAS = {
    "keras-inception": ".keras", "keras-inception-h5": ".h5",
    "keras-inception-weights": ".weights.h5", "keras-inception-h5-weights": "-weights.h5",
    "keras-inception-logits": "-logits.keras", "keras-inception-h5-logits": "-logits.h5",
}
BLOCKS = ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"]


def _draw(network: object, seed: int) -> None:
    """Weights that keep the values in reach, and statistics and shifts that are not the defaults."""
    draw = numpy.random.default_rng(seed)
    for layer in network.layers:
        for variable in layer.weights:
            noise = draw.standard_normal(variable.shape)
            if variable.name == "kernel":
                noise *= (2 / numpy.prod(variable.shape[:-1])) ** 0.5
            elif variable.name == "moving_variance":
                noise = 0.7 + 0.3 * abs(noise)
            else:
                noise *= 0.2
            variable.assign(noise.astype("f4"))


def _save_weights_as_keras_2_did(network: object, path: Path) -> None:
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)


def keras_inception(form: str, seed: int, path: Path) -> dict[str, numpy.ndarray]:
    """Saves a network at `path` and returns what a reference has of it, under our modules' paths."""
    import keras

    save: Callable = {
        ".keras": lambda network: network.save(path), ".h5": lambda network: network.save(path),
        ".weights.h5": lambda network: network.save_weights(path),
        "-weights.h5": lambda network: _save_weights_as_keras_2_did(network, path),
    }[form.removeprefix("-logits")]
    keras.utils.clear_session()
    if form in (".h5", "-weights.h5"):
        # The names go on from those of another network.
        keras.applications.InceptionV3(weights=None, classes=7)
    network = keras.applications.InceptionV3(
        weights=None, classes=7,
        classifier_activation=None if form.startswith("-logits") else "softmax",
    )
    _draw(network, seed)
    save(network)
    names = {f"mixed{index}": f"model.Mixed_{block}" for index, block in enumerate(BLOCKS)}
    names["avg_pool"] = "model.avgpool"
    outputs = [network.get_layer(name).output for name in names] + [network.output]
    image = numpy.random.default_rng(seed + 1).standard_normal((1, 299, 299, 3)).astype("f4")
    values = keras.Model(network.input, outputs).predict(image, verbose=0)
    entries = {"inputs/0": image.transpose(0, 3, 1, 2), "outputs/0": values[-1]}
    for ours, value in zip(names.values(), values[:-1], strict=True):
        entries[f"activations/{ours}"] = (
            value.transpose(0, 3, 1, 2) if value.ndim == 4 else value[:, :, None, None]
        )
    kernel, bias = (v.numpy() for v in network.get_layer("predictions").weights)
    entries["activations/model.fc"] = values[-2] @ kernel + bias
    return {name: numpy.ascontiguousarray(value) for name, value in entries.items()}

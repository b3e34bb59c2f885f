"""PyTorch reads the `.pth` files that `weighbridge convert` writes, without running anything in them."""

from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parent.parent.parent / "fixtures" / "formats" / "pytorch"


@pytest.mark.parametrize("mmap", [False, True])
def test_every_dtype_is_what_pytorch_saved(mmap):
    """`written.pth` is `dtypes.pth` converted; the Swift tests hold that its bytes are still written so."""
    path = FOLDER / "written.pth"
    written = torch.load(path, weights_only=True, mmap=mmap)
    saved = torch.load(FOLDER / "dtypes.pth", weights_only=True)
    assert list(written) == list(saved)
    for name, tensor in written.items():
        assert tensor.dtype == saved[name].dtype and tensor.shape == saved[name].shape
        assert tensor.untyped_storage().tolist() == saved[name].contiguous().clone().untyped_storage().tolist()


def test_texts_travel_as_an_attribute():
    state = torch.load(FOLDER / "written-with-metadata.pth", weights_only=True)
    assert state.metadata["general.architecture"] == "test"
    assert state["blk.0.weight"].shape == (3, 64)

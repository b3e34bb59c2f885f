"""Known bugs put into known-good models and checkpoints, to see what `validate` makes of them.

The built-in models are right, so a bug "in the model" is put in as its mirror image: the PyTorch
model that records the reference is changed, and the checkpoint stays. A bug in the checkpoint
damages the exported state dict, and the reference stays. For both the truth is known: the first
module that fails, and the cause.
"""

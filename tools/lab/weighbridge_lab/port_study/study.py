"""One network after another: made, recorded, and validated in Swift as recorded."""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from weighbridge_recorder import export, record

from ..record_study.networks import make
from .outcome import Outcome, failure, judged


class Judge:
    """`weighbridge validate` as it was built.

    Attributes:
        timeout: seconds for one command.
    """

    def __init__(self, binary: Path, timeout: float) -> None:
        self.binary = binary
        self.timeout = timeout

    def __call__(
        self, weights: Path, reference: Path, options: list[str]
    ) -> dict[str, Any] | str:
        """A verdict, or the command's first line where it gives none."""
        command = [
            str(self.binary), "validate", "--weights", str(weights), "--reference",
            str(reference), "--json", "-", "--reach", "never", *options,
        ]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            return f"took more than {self.timeout:.0f} s"
        if run.returncode not in (0, 1):
            lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
            return lines[0].removeprefix("weighbridge: error: ").removeprefix(f"{reference}: ")
        verdict: dict[str, Any] = json.loads(run.stdout)
        return verdict


class Study:
    """Runs networks; each gets four times as long as one command.

    Attributes:
        memory: how many bytes a network's process may map.
        keep: a folder in which the last network's files stay.
    """

    def __init__(self, judge: Judge, keep: Path | None = None, memory: int = 12 << 30) -> None:
        self.judge = judge
        self.memory = memory
        self.timeout = 4 * judge.timeout
        self.keep = keep

    def run(self, library: str, name: str) -> Outcome:
        """Does it in a process of its own: memory is given back, and nothing waits for ever."""
        started = time.monotonic()
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        folder = self.keep or Path(tempfile.mkdtemp(prefix="port-study-"))
        folder.mkdir(parents=True, exist_ok=True)
        process = context.Process(target=_work, args=(self, library, name, folder, sender))
        process.start()
        sender.close()
        outcome = Outcome(library, name, "refused")
        try:
            if receiver.poll(self.timeout):
                outcome = receiver.recv()
            else:
                outcome.reason = f"took more than {self.timeout:.0f} s"
        except EOFError:
            outcome.reason = "its process ended: out of memory?"
        finally:
            process.kill()
            process.join()
            if self.keep is None:
                shutil.rmtree(folder, ignore_errors=True)
        outcome.seconds["all"] = time.monotonic() - started
        return outcome


class Run:
    """One network of a study, in a folder for its files."""

    def __init__(self, study: Study, library: str, name: str, folder: Path) -> None:
        self.study = study
        self.folder = folder
        self.weights = folder / "net.safetensors"
        self.reference = folder / "reference.npz"
        self.outcome = Outcome(library, name)

    def __call__(self) -> Outcome:
        outcome = self.outcome
        try:
            net, images = make(outcome.library, outcome.name, 1)
            outcome.parameters = sum(tensor.numel() for tensor in net.parameters())
            started = time.monotonic()
            export(net, self.weights)
            record(net, [images], self.reference, network=True, sample=True)
            outcome.seconds["record"] = time.monotonic() - started
        except Exception as error:  # whatever a library says to a configuration
            outcome.reason = f"{type(error).__name__}: {_first(error)}"
            return outcome
        outcome.status = "refused"
        verdict = self.study.judge(self.weights, self.reference, ["--model", "recorded"])
        if isinstance(verdict, str):
            outcome.reason = verdict
            return outcome
        judged(outcome, verdict)
        if outcome.status == "pass":
            outcome.batch = self._other(net, torch.cat([images, images.flip(-1)]))
            outcome.size = self._other(net, smaller(images))
        return outcome

    def _other(self, net: nn.Module, images: Tensor) -> str:
        """The verdict on other images of the recorded network, against what it gives for them."""
        other = self.folder / "other.npz"
        try:
            record(net, [images], other, sample=True)
        except Exception as error:  # a network that does not take them
            return f"not run: {type(error).__name__}"
        verdict = self.study.judge(
            self.weights, other, ["--model", "recorded", "--network", str(self.reference)]
        )
        other.unlink(missing_ok=True)
        if isinstance(verdict, str):
            return f"refused: {verdict}"
        return "pass" if verdict["verdict"] == "pass" else f"fail: {failure(verdict)}"


def smaller(images: Tensor) -> Tensor:
    """Images of some three quarters of the size, by whole patches."""
    size = images.shape[-1] * 3 // 4
    size -= size % 32 if size > 64 else size % 8
    return images[..., :size, :size].contiguous()


def _work(study: Study, library: str, name: str, folder: Path, sender: Any) -> None:
    warnings.simplefilter("ignore")
    # A process that is forked has none of the threads that PyTorch would wait for.
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (study.memory, study.memory))
    torch.manual_seed(0)
    sender.send(Run(study, library, name, folder)())


def _first(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else "")[:120]

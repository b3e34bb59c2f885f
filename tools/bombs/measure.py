"""Runs a command and prints what it took, as JSON: measure.py SECONDS COMMAND...

A program of its own: what a child takes at most includes what its parent takes when it is made.
"""

import json
import os
import signal
import sys
import tempfile
import time


def main() -> None:
    longest, command = float(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for source, target in ((nowhere, 0), (nowhere, 1), (said.fileno(), 2)):
                os.dup2(source, target)
            os.execv(command[0], command)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, longest)
        _, status, usage = os.wait4(child, 0)
        seconds = time.monotonic() - began
        said.seek(0)
        lines = [line for line in said.read().decode("utf-8", "replace").splitlines() if line]
    status = os.waitstatus_to_exitcode(status)
    # What it waited for is the machine's matter: the processor's time counts where it is less.
    spent = usage.ru_utime + usage.ru_stime
    taken = seconds if status < 0 else min(seconds, spent)
    print(json.dumps(
        {"status": status, "seconds": taken, "megabytes": usage.ru_maxrss / 1024, "lines": lines}))


main()

"""Runs a command and prints what it took, as JSON: measured.py COMMAND...

A program of its own and without imports to speak of: the memory that a child took at most includes what
its parent takes when it is made. Memory is the process's own, without pages of files that it has mapped,
which the system takes back whenever it likes: the peak of what the kernel calls anonymous, asked every
two milliseconds. Where a peer writes a number to its standard error, those are the seconds that count.
"""

import json
import os
import sys
import tempfile
import time


def anonymous(process: int) -> int:
    """Kilobytes of a process's own memory; 0 when it has ended."""
    try:
        with open(f"/proc/{process}/status", "rb") as file:
            for line in file:
                if line.startswith(b"RssAnon:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def main() -> None:
    command = sys.argv[1:]
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for source, target in ((nowhere, 0), (nowhere, 1), (said.fileno(), 2)):
                os.dup2(source, target)
            os.execvp(command[0], command)
        own = 0
        while True:
            own = max(own, anonymous(child))
            ended, status, usage = os.wait4(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.002)
        seconds = time.monotonic() - began
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    try:
        seconds = float(text)
    except ValueError:
        pass
    print(json.dumps({
        "status": os.waitstatus_to_exitcode(status), "seconds": seconds, "own": own / 1024,
        "resident": usage.ru_maxrss / 1024, "processor": usage.ru_utime + usage.ru_stime,
        "text": text[-2000:]}))


main()

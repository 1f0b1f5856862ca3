# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, virtnet.kvm contributors
"""Run a command in a small guest over its serial port. This file runs on the lab host, which has nothing but Python.

    python3 console.py SOCKET TIMEOUT < COMMAND

prints {"rc": the command's status, "output": what it said}, or fails with a sentence.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import socket
import sys
import time


class Console:
    def __init__(self, path: str, deadline: float) -> None:
        self.deadline = deadline
        self.buffer = b""
        self.path = path
        self.socket = self.connect()

    def connect(self) -> socket.socket:
        while True:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(self.path)
                return sock
            except OSError as error:
                sock.close()
                if time.monotonic() > self.deadline:
                    raise SystemExit(f"{self.path}: {error}") from None
                time.sleep(0.1)

    def line(self, until: float) -> str | None:
        """The next line, or None when there is none in time."""
        while b"\n" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise SystemExit("the guest is gone")
            self.buffer += data
        line, _newline, self.buffer = self.buffer.partition(b"\n")
        return line.decode(errors="replace").strip()

    def expect(self, answer: str, until: float) -> bool:
        while (line := self.line(until)) is not None:
            if line == answer:
                return True
        return False

    def send(self, line: str) -> None:
        self.socket.settimeout(max(0.1, self.deadline - time.monotonic()))
        self.socket.sendall(line.encode() + b"\n")

    def sync(self) -> None:
        """Wait until the guest's loop listens; what an earlier, interrupted client left is skipped."""
        tries = 0
        while time.monotonic() < self.deadline:
            tries += 1
            mark = f"{os.getpid()}.{tries}"
            self.send(f"\n@sync {mark}")
            if self.expect(f"@lab sync {mark}", min(self.deadline, time.monotonic() + 0.5)):
                return
        raise SystemExit("the guest does not answer on its serial port")

    def _sent(self, text: str) -> bool:
        """Send a command in parts, one at a time: a serial port has a small buffer, and drops what does not fit."""
        for start in range(0, len(text), 512):
            self.send(f"@part {text[start : start + 512]}")
            if not self.expect("@lab part", min(self.deadline, time.monotonic() + 3)):
                return False
        return True

    def run(self, command: str, timeout: int) -> tuple[int, str]:
        text, mark = base64.b64encode(command.encode()).decode(), f"{os.getpid()}.{time.monotonic_ns()}"
        while not self._sent(text):
            if time.monotonic() > self.deadline:
                raise SystemExit("the guest stopped listening")
            self.sync()
        # The guest ends the command itself after its time; a little more is left for its answer.
        begun, status, encoded, until = False, None, "", self.deadline + timeout + 10
        line = None
        while time.monotonic() < until:
            if not begun and line is None:
                # It may be lost as well. The guest runs a command once, however often it is told to.
                self.send(f"@run {mark} {timeout}")
            line = self.line(until if begun else min(until, time.monotonic() + 3))
            begun = begun or line == f"@lab run {mark}"
            if line == "@lab end" and status is not None:
                return status, base64.b64decode(encoded).decode(errors="replace")
            if line is not None and line.startswith("@lab begin "):
                begun, status, encoded = True, int(line.split()[2]), ""
            elif line is not None and status is not None:
                encoded += line
        raise SystemExit(f"the guest did not end the command within {timeout} s")


def main() -> None:
    path, timeout = sys.argv[1], int(sys.argv[2])
    command = sys.stdin.read()
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        console = Console(path, time.monotonic() + timeout)
        console.sync()
        status, output = console.run(command, timeout)
    print(json.dumps({"rc": status, "output": output}))


if __name__ == "__main__":
    main()

"""Programs that measure: run once, or kept and asked for rounds in turn."""
import os
import queue
import shutil
import subprocess
import threading
import time

ROUND_TIMEOUT_S = 180
END_TIMEOUT_S = 20


class Unable(Exception):
    """A figure cannot be measured here; the text says why."""


def numbers(line):
    return [float(word) for word in line.split()]


def column(rows, index):
    return [row[index] for row in rows]


def need_program(path):
    if not shutil.which(str(path)):
        raise Unable(f"{path} is not there")


def run(arguments, environment=None):
    """Runs a program to its end. Return: its output, a list of numbers for each line."""
    need_program(arguments[0])
    try:
        done = subprocess.run([str(word) for word in arguments], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=ROUND_TIMEOUT_S, check=False,
                              env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        raise Unable(f"{arguments[0]} did not end within {ROUND_TIMEOUT_S} s") from None
    if done.returncode:
        raise Unable(f"{' '.join(map(str, arguments))}: {done.stderr.strip() or 'failed'}")
    return [numbers(line) for line in done.stdout.splitlines() if line.strip()]


class Tool:
    """A program that measures rounds when it is asked to (see samples.h)."""

    def __init__(self, arguments, environment=None):
        need_program(arguments[0])
        self.name = os.path.basename(str(arguments[0]))
        self.lines = queue.Queue()
        self.process = subprocess.Popen(
            [str(word) for word in arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended already
        try:
            self.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def _line(self, deadline):
        try:
            line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            raise Unable(f"{self.name} did not answer within {ROUND_TIMEOUT_S} s") from None
        if line is None:
            raise Unable(f"{self.name}: {self.process.stderr.read().strip() or 'ended'}")
        return line

    def rounds(self, count):
        """Measures so many rounds. Return: a list of numbers for each."""
        deadline = time.monotonic() + ROUND_TIMEOUT_S
        try:
            self.process.stdin.write(f"{count}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the reader says why
        rows = []
        while (line := self._line(deadline)).strip():
            rows.append(numbers(line))
        return rows


def run_pair(server, client):
    """Runs a program that serves one caller, and the caller. Return: the numbers of each."""
    with Tool(server) as serving:
        called = run(client)
        deadline = time.monotonic() + END_TIMEOUT_S
        served = []
        try:
            while line := serving.lines.get(timeout=max(0, deadline - time.monotonic())):
                served.append(numbers(line))
        except queue.Empty:
            raise Unable(f"{serving.name} did not end within {END_TIMEOUT_S} s") from None
    return served, called

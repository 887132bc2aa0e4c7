"""Child processes: started so that they cannot outlive the harness, and measured from /proc."""

import ctypes
import os
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """The run cannot go on; the text says what to do."""


def call(command, failure, **options):
    """Runs a command to its end; `failure` is what to say if it fails."""
    if subprocess.run([str(c) for c in command], **options).returncode:
        raise BenchError(failure)


def _die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A server in the background, its output in a log file."""

    def __init__(self, name, command, log, env=None, cwd=None):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self._child = subprocess.Popen(
                [str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=cwd,
                env={**os.environ, **(env or {})}, start_new_session=True, preexec_fn=_die_with_parent)
        self.pid = self._child.pid

    def alive(self):
        return self._child.poll() is None

    def cpu_seconds(self):
        """CPU time of all its threads, living and ended, from the process's CPU clock: nanoseconds, not 10 ms ticks."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory_mib(self, key="VmHWM"):
        with open(f"/proc/{self.pid}/status") as status:
            line = next(line for line in status if line.startswith(key + ":"))
        return int(line.split()[1]) / 1024

    def await_ready(self, ready, seconds=60):
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive():
                raise BenchError(f"{self.name} ended with code {self._child.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} is not ready after {seconds} s:\n{self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self, lines=15):
        with open(self.log, errors="replace") as log:
            return "".join(log.readlines()[-lines:]) + f"(log: {self.log})"

    def stop(self):
        if self.alive():
            self._child.terminate()
            try:
                self._child.wait(3)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()


def port_open(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def machine_busy_seconds():
    """CPU seconds used by everything on the machine since its start."""
    with open("/proc/stat") as stat:
        values = [int(v) for v in stat.readline().split()[1:9]]
    return (sum(values) - values[3] - values[4]) / TICKS


def load():
    with open("/proc/loadavg") as f:
        return float(f.read().split()[0])

"""The load: builds rdload, makes payload files, and runs rdload in one of its modes."""

import glob
import hashlib
import subprocess
import sys
from pathlib import Path

import payload
from processes import BenchError, call
from settings import HERE

def librdkafka(settings):
    """The shared library to link, or None for the system's. Debian's 2.0.2 sends lz4 uncompressed through a proxy that raises
    the lowest Produce version (Kroxylicious 0.12 does), which would void those rows, so a newer one is preferred."""
    if settings.rdkafka_so:
        return Path(settings.rdkafka_so).resolve()
    for place in [f"{settings.cache}/python/lib/python3*/site-packages", *sys.path]:
        for found in glob.glob(f"{place}/confluent_kafka.libs/librdkafka*.so*"):
            return Path(found)
    return None


class Rdload:
    """The load tool, built into the cache."""

    def __init__(self, settings):
        self.settings = settings
        source, library = HERE / "rdload.c", librdkafka(settings)
        link = ["-lrdkafka"] if library is None else [
            library, f"-Wl,-rpath,{library.parent}", "-Wl,--allow-shlib-undefined"]
        tag = hashlib.sha256(source.read_bytes() + str(library).encode()).hexdigest()[:12]
        self.tool = settings.work / f"rdload-{tag}"
        if not self.tool.exists():
            call(["cc", "-O2", "-Wall", "-Wextra", "-o", self.tool, source, *link, "-lpthread"],
                 "rdload does not build (Debian: apt-get install gcc librdkafka-dev)")
        self.version = self._run("version").stdout.strip()

    def _run(self, mode, timeout=60, **args):
        command = [self.tool, mode, *(f"{k}={v}" for k, v in args.items())]
        try:
            return subprocess.run([str(c) for c in command], text=True, capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"rdload: no end after {timeout} s\n")

    def payload(self, size):
        path = self.settings.work / f"payload-{size}-{hashlib.sha256(Path(payload.__file__).read_bytes()).hexdigest()[:8]}.bin"
        if not path.exists():
            payload.write(path.with_suffix(".new"), size)
            path.with_suffix(".new").rename(path)
        return path

    def topic(self, mode, bootstrap, topic, partitions=1):
        done = self._run(mode, boot=bootstrap, topic=topic, parts=partitions)
        if done.returncode:
            raise BenchError(f"cannot {mode} topic {topic}: {done.stderr}")

    def load(self, mode, bootstrap, topic, case, **args):
        """Runs produce, consume or rate. Returns the numbers that rdload printed, and what went wrong or None."""
        done = self._run(mode, timeout=300, boot=bootstrap, topic=topic, parts=case.partitions, size=case.size, codec=case.codec,
                         payload=self.payload(case.size), **args)
        numbers = {k: float(v) for k, v in (pair.split("=") for pair in done.stdout.split())}
        if not done.returncode:
            return numbers, None
        counts = " ".join(f"{k} {int(numbers[k])}" for k in ("failed", "bad") if numbers.get(k))
        reason = next(iter(done.stderr.splitlines()), "")
        return numbers, "; ".join(t for t in (counts, reason) if t) or f"exit code {done.returncode}"

"""Settings: every one comes from the environment and has a default. The table below is also the text of --help."""

import os
from collections import namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RIG = HERE.parent / "rig"
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")  # by their number in a batch's attributes

# name, default, default with QUICK=1, meaning
TABLE = [
    ("QUICK", "", "1", "1: a smoke run below two minutes; its numbers mean nothing"),
    ("PEER", "", "", "1: also Kroxylicious, encrypting and passing (it listens on all interfaces)"),
    ("CONTENDERS", "direct relay encrypt renew pass", None, "which of ours to run; ratios need relay"),
    ("CASES", " ".join(f"{s}:{c}:12" for s in (100, 1024, 10240) for c in ("none", "lz4", "zstd")), None,
     "throughput cases, each RECORD_BYTES:CODEC:PARTITIONS, or - for none"),
    ("REPEATS", "3", "1", "repeats of each throughput case"),
    ("MB", "300", "60", "MB of values in a run (a third of it for records below 1 KiB)"),
    ("MAX_RECORDS", "", "60000", "at most this many records in a run"),
    ("WARM_MB", "100", "0", "MB for each codec and contender before the first case"),
    ("BATCH", "131072", None, "batch.size: with zstd a full batch is then 16 KiB or more as sent"),
    ("LINGER", "20", None, "linger.ms of the throughput cases: long enough that batches are full"),
    ("RATE_CASES", "1024:none:12 1024:lz4:12", None, "latency cases, or - for none"),
    ("RATE_REPEATS", "3", "1", "repeats of each latency case"),
    ("RATE_MB", "5", None, "MB/s of the latency cases"),
    ("RATE_SECS", "5", "2", "seconds of a latency run"),
    ("RATE_LINGER", "5", None, "linger.ms of the latency cases"),
    ("PROXY_BIN", "", "", "the proxy to measure (default: cargo build --release -p proxy)"),
    ("BENCH_PORT", "29000", None, "the harness uses this port and the 499 after it, below 32768"),
    ("ADMIN_PORT", "9404", None, "admin port of the encrypting proxy; the others have the next two"),
    ("BENCH_DATA", "", "", "where the broker keeps its data (default: in the cache)"),
    ("RESULTS", "", "", "the Markdown file to write (default: tests/bench/RESULTS.md; with QUICK=1 in the cache only)"),
    ("RDKAFKA_SO", "", "", "the librdkafka to load with (default: that of the confluent-kafka wheel, else the system's)"),
]


class Case(namedtuple("Case", "size codec partitions")):
    """What is sent: records of one size, with one codec, to a topic of so many partitions."""

    @classmethod
    def parse(cls, text):
        size, codec, partitions = text.split(":")
        if codec not in CODECS:
            raise SystemExit(f"bench: unknown codec in case {text}")
        return cls(int(size), codec, int(partitions))

    @property
    def label(self):
        size = f"{self.size // 1024} KiB" if self.size % 1024 == 0 else f"{self.size} B"
        return f"{size} {self.codec}" + ("" if self.partitions == 12 else f", {self.partitions} partitions")

    @property
    def slug(self):
        return f"{self.size}-{self.codec}-{self.partitions}"


class Settings:
    """The parsed environment. Attributes have the names of the table in lower case."""

    def __init__(self, env=os.environ):
        quick = env.get("QUICK", "") not in ("", "0")
        for name, default, quick_default, _ in TABLE:
            value = quick_default if quick and quick_default is not None else default
            setattr(self, name.lower(), env.get(name) or value)
        self.quick = quick
        self.peer = self.peer not in ("", "0")
        self.contenders = self.contenders.split()
        self.cases = [Case.parse(c) for c in self.cases.split() if c != "-"]
        self.rate_cases = [Case.parse(c) for c in self.rate_cases.split() if c != "-"]
        for name in ("repeats", "rate_repeats", "mb", "warm_mb", "rate_mb", "rate_secs", "bench_port", "admin_port"):
            try:
                setattr(self, name, int(getattr(self, name)))
            except ValueError:
                raise SystemExit(f"bench: {name.upper()} must be a whole number") from None
        cache = env.get("TOPIC_ENCRYPTION_CACHE") or str(
            Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "strimzi-topic-encryption")
        self.cache = Path(cache)
        self.work = self.cache / "bench"

    def records(self, case):
        """How many records a throughput run of this case sends."""
        count = self.mb * 1_000_000 // (3 if case.size < 1024 else 1) // case.size
        if self.max_records:
            count = min(count, int(self.max_records))
        return max(count, case.partitions)


def help_text():
    lines = []
    for name, default, quick, meaning in TABLE:
        shown = f" [{default}" + (f"; QUICK: {quick}" if quick else "") + "]" if default and len(default) < 30 else ""
        lines.append(f"  {name:<13} {meaning}{shown}")
    return "\n".join(lines)

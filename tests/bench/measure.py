"""Runs the cases, contenders taking turns, and collects one row for each run of the load tool."""

import time
from datetime import datetime
from statistics import median

import at_rest
from contenders import data_keys
from processes import BenchError, load, machine_busy_seconds
from settings import Case

COLUMNS = ("time kind case repeat contender records mb_s secs proxy_cpu broker_cpu client_cpu other_cores load1 "
           "rest_bytes rest_batches rest_codecs ack_p50_ms ack_p99_ms e2e_p50_ms e2e_p99_ms error").split()
BUSY_CORES = 0.4  # used by others; the kernel's own work for the runs stays below
PEEK = 1000  # records read past the proxy to see whether they are what was sent


class Row:
    """One run. CPU is in seconds for a GB (10^9 bytes) of values; what does not apply is None."""

    def __init__(self, **values):
        for column in COLUMNS:
            setattr(self, column, values.get(column))

    def total_cpu(self):
        return None if self.broker_cpu is None else (self.proxy_cpu or 0) + self.broker_cpu

    def tsv(self):
        shown = (getattr(self, c) for c in COLUMNS)
        return "\t".join("" if v is None else f"{v:.4f}" if isinstance(v, float) else str(v) for v in shown)


class Bench:
    def __init__(self, settings, rdload, broker, direct, data, contenders, raw, say):
        self.settings, self.rdload, self.broker, self.data = settings, rdload, broker, data
        self.direct = direct  # the broker's own address: topics are made, deleted and peeked at there
        self.contenders, self.raw, self.say = contenders, raw, say
        self.rows, self.failures = [], []
        print("\t".join(COLUMNS), file=raw, flush=True)

    def run(self):
        self.start_others = self._others_now()
        self.say(f"others use {self.start_others:.1f} cores" + (", which will show in the numbers" if self.start_others > BUSY_CORES else ""))
        self._warm_up()
        renewing = [c for c in self.contenders if c.name == "renew"]
        before = {c.name: data_keys(c) for c in renewing}
        throughput = [(c, r) for c in self.settings.cases for r in range(self.settings.repeats)]
        latency = [(c, r) for c in self.settings.rate_cases for r in range(self.settings.rate_repeats)]
        takes_part = {kind: sum(kind in c.kinds for c in self.contenders) for kind in ("throughput", "latency")}
        steps, step = len(throughput) * takes_part["throughput"] + len(latency) * takes_part["latency"], 0
        for kind, turns in (("throughput", throughput), ("latency", latency)):
            for turn, (case, repeat) in enumerate(turns):
                for contender in self._order(turn):
                    if kind not in contender.kinds:
                        continue
                    step += 1
                    if not contender.dropped:
                        text = getattr(self, "_" + kind)(case, repeat, contender)
                        self.say(f"{step}/{steps} {case.label}, repeat {repeat + 1}, {contender.name}: {text}")

        for contender in (c for c in renewing if latency and not c.dropped):
            keys = data_keys(contender) - before[contender.name]
            least = len(latency) * self.settings.rate_mb * self.settings.rate_secs // 4
            self.say(f"{contender.name} took {keys} data keys into use while latencies were measured")
            if keys < least:
                self._fail(contender, "latency", f"{keys} data keys were in use, fewer than {least}: nothing was handed over")

    def others(self):
        return f"others used {self.start_others:.1f} cores before the start and {self._others_meanwhile():.1f} during a run (median)"

    def busy(self):
        return max(self.start_others, self._others_meanwhile()) > BUSY_CORES

    def _others_meanwhile(self):
        used = [row.other_cores for row in self.rows if row.other_cores is not None]
        return median(used) if used else 0.0

    def _order(self, turn):
        first = turn % len(self.contenders)
        return self.contenders[first:] + self.contenders[:first]

    def _others_now(self):
        """Cores in use by others before anything is measured."""
        own = [self.broker, *(c.process for c in self.contenders if c.process)]
        start, busy, used = time.monotonic(), machine_busy_seconds(), sum(p.cpu_seconds() for p in own)
        time.sleep(2)
        busy, used = machine_busy_seconds() - busy, sum(p.cpu_seconds() for p in own) - used
        return max(0.0, busy - used) / (time.monotonic() - start)

    def _warm_up(self):
        """Every codec in both directions: the brokers' and peers' compilers take most of the first seconds of load."""
        if not self.settings.warm_mb:
            return
        records = self.settings.warm_mb * 1_000_000 // 1024
        for contender in self.contenders:
            for codec in ("none", "lz4", "zstd"):
                if contender.dropped:
                    continue
                case = Case(1024, codec, 12)
                with self._topic(contender, f"warm-{case.slug}", case) as topic:
                    self._load("warm-up", case, 0, contender, topic, "produce", **self._throughput_args(records))
                    self._load("warm-up", case, 0, contender, topic, "consume", n=records)
            self.say(f"warmed up {contender.name}")

    def _throughput(self, case, repeat, contender):
        records = self.settings.records(case)
        with self._topic(contender, f"{case.slug}-{repeat}", case) as topic:
            produced = self._load("produce", case, repeat, contender, topic, "produce", **self._throughput_args(records))
            if produced.error:
                return produced.error
            if contender.process and repeat == 0:
                self._check_at_rest(case, contender, topic)
            consumed = self._load("consume", case, repeat, contender, topic, "consume", n=records)
        return consumed.error or f"produce {produced.mb_s:.0f} MB/s, consume {consumed.mb_s:.0f} MB/s"

    def _latency(self, case, repeat, contender):
        s = self.settings
        with self._topic(contender, f"rate-{case.slug}-{repeat}", case) as topic:
            row = self._load("rate", case, repeat, contender, topic, "rate", batch=s.batch, linger=s.rate_linger,
                             rate=s.rate_mb * 1_000_000, secs=s.rate_secs)
        return row.error or f"end to end p50 {row.e2e_p50_ms:.1f} ms, p99 {row.e2e_p99_ms:.1f} ms"

    def _throughput_args(self, records):
        return {"n": records, "batch": self.settings.batch, "linger": self.settings.linger}

    def _topic(self, contender, slug, case):
        return Topic(self.rdload, self.direct, f"{contender.topic_prefix}{contender.name}-{slug}", case.partitions)

    def _load(self, kind, case, repeat, contender, topic, mode, **args):
        """One run of the load tool, with the CPU time that each process spent meanwhile."""
        proxy = contender.process
        start, busy, broker = time.monotonic(), machine_busy_seconds(), self.broker.cpu_seconds()
        used = proxy.cpu_seconds() if proxy else 0.0
        numbers, error = self.rdload.load(mode, contender.bootstrap, topic, case, **args)
        for process in filter(None, (self.broker, proxy)):
            if not process.alive():
                error = f"{process.name} died:\n{process.log_tail()}"
        row = Row(time=datetime.now().strftime("%H:%M:%S"), kind=kind, case=case.slug, repeat=repeat, contender=contender.name,
                  load1=load(), error=error and error.splitlines()[0])
        if not error:
            elapsed, busy, broker = time.monotonic() - start, machine_busy_seconds() - busy, self.broker.cpu_seconds() - broker
            used = proxy.cpu_seconds() - used if proxy else None
            gb = numbers["n"] * case.size / 1e9
            row.records, row.secs = int(numbers["n"]), numbers["secs"]
            row.mb_s = gb * 1000 / numbers["secs"]
            row.proxy_cpu, row.broker_cpu = None if used is None else used / gb, broker / gb
            row.client_cpu = numbers["client_cpu"] / gb
            row.other_cores = max(0.0, busy - broker - (used or 0) - numbers["client_cpu"]) / elapsed
            for key in ("ack_p50_ms", "ack_p99_ms", "e2e_p50_ms", "e2e_p99_ms"):
                setattr(row, key, numbers.get(key))
            if mode != "consume":
                rest = at_rest.read(self.data, topic)
                row.rest_bytes, row.rest_batches, row.rest_codecs = rest.bytes, rest.batches, "+".join(sorted(rest.codecs))
        self.rows.append(row)
        print(row.tsv(), file=self.raw, flush=True)
        if error:
            self._fail(contender, f"{kind} {case.label}", error)
        return row

    def _check_at_rest(self, case, contender, topic):
        """Reads some records past the proxy: all of them must differ from what was sent if it encrypts, otherwise none."""
        numbers, _ = self.rdload.load("consume", self.direct, topic, case, n=min(PEEK, self.settings.records(case)))
        got, differ = numbers.get("n", 0), numbers.get("bad", 0)
        if not got or differ != (got if contender.encrypts else 0):
            self._fail(contender, f"at rest {case.label}", f"of {got:.0f} records read past the proxy, {differ:.0f} differ from what was sent")

    def _fail(self, contender, where, why):
        """A contender that failed takes no further part: what follows would measure time-outs."""
        self.failures.append(f"{contender.name}, {where}: {why}")
        contender.dropped = why
        self.say(f"FAILED {self.failures[-1]}")
        if not self.broker.alive():
            raise BenchError("the broker is gone")


class Topic:
    """A topic for one run, made and deleted at the broker itself."""

    def __init__(self, rdload, bootstrap, name, partitions):
        self.rdload, self.bootstrap, self.name, self.partitions = rdload, bootstrap, name, partitions

    def __enter__(self):
        self.rdload.topic("create", self.bootstrap, self.name, self.partitions)
        return self.name

    def __exit__(self, *_):
        self.rdload.topic("delete", self.bootstrap, self.name)

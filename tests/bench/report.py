"""Turns rows into the Markdown tables: targets first, then ratios to the relay, then what was measured."""

from statistics import median

import targets

# The ratios, each from the rows of one repeat: name, kind of run, figure. Throughput: more is better; all others: less.
METRICS = [
    ("produce MB/s", "produce", lambda r: r.mb_s),
    ("produce CPU", "produce", lambda r: r.proxy_cpu),
    ("produce CPU + broker", "produce", lambda r: r.total_cpu()),
    ("consume MB/s", "consume", lambda r: r.mb_s),
    ("consume CPU", "consume", lambda r: r.proxy_cpu),
    ("consume CPU + broker", "consume", lambda r: r.total_cpu()),
]
BASE = "relay"
SPREAD = "median (min–max)"


class Report:
    def __init__(self, settings, rows, memory, peers):
        """`memory` is the peak RSS in MiB by process name; `peers` are the contenders to put in relation to the relay."""
        self.settings, self.memory, self.peers = settings, memory, peers
        self.names = list(dict.fromkeys(r.contender for r in rows))
        self.by_key = {(r.kind, r.case, r.contender, r.repeat): r for r in rows if not r.error}
        self.repeats = range(max(settings.repeats, settings.rate_repeats))

    # === figures ===

    def rows(self, kind, case, name):
        found = (self.by_key.get((kind, case.slug, name, n)) for n in self.repeats)
        return [r for r in found if r]

    def void(self, case, name):
        """A contender that does not encrypt stores what the producer sent: another codec means another load was measured."""
        if name in ("encrypt", "renew", "peer-encrypt"):
            return False
        return any(r.rest_codecs != case.codec for kind in ("produce", "rate") for r in self.rows(kind, case, name))

    def ratios(self, kind, case, name, base, figure):
        """One ratio for each repeat that both have; none if a row is void."""
        if self.void(case, name) or self.void(case, base):
            return []
        pairs = ((self.by_key.get((kind, case.slug, name, n)), self.by_key.get((kind, case.slug, base, n))) for n in self.repeats)
        values = [(figure(a), figure(b)) for a, b in pairs if a and b]
        return [a / b for a, b in values if a is not None and b]

    def sent_batch(self, case):
        """Mean batch size as the producer sent it, from what the direct contender left at rest."""
        rows = [] if self.void(case, "direct") else self.rows("produce", case, "direct")
        return median(r.rest_bytes / r.rest_batches for r in rows) if rows else None

    def case_ratios(self, case, name, base=BASE):
        """Metric name → ratios of this contender, in the order of the table. What the producer sent is what direct left at rest."""
        found = {metric: self.ratios(kind, case, name, base, figure) for metric, kind, figure in METRICS}
        found["at rest"] = self.ratios("produce", case, name, "direct" if base == BASE else base, lambda r: r.rest_bytes)
        return found

    def checked(self):
        """Every target with what was measured: text, case, values, limit."""
        found = []
        for case in self.settings.cases if "encrypt" in self.names else []:
            for metric, values in self.case_ratios(case, "encrypt").items():
                at_most = targets.limit(metric, case, self.sent_batch(case))
                if at_most is not None:
                    found.append((metric + (" ÷ as sent" if metric == "at rest" else " ÷ relay"), case.label, values, at_most))
        for name in ("encrypt", "pass"):
            if name in self.memory:
                found.append((f"peak RSS in MiB, {name}", "all", [self.memory[name]], targets.RSS_MIB))
        return found

    # === tables ===

    def markdown(self, head, notes):
        parts = ["# Benchmark", *head, *self._targets()]
        if BASE in self.names and self.peers and self.settings.cases:
            parts += ["", "## Ratios", "", f"{SPREAD.capitalize()} of the ratio in each repeat. CPU is that of the proxy, + broker that of both together, "
                      "at rest the bytes stored."]
            for name in self.peers:
                parts += self._ratios(name, BASE)
            if "encrypt" in self.names and "peer-encrypt" in self.names:
                parts += self._ratios("encrypt", "peer-encrypt")
        parts += self._latency() + self._measured() + self._memory()
        return "\n".join(parts + ["", *notes]) + "\n"

    def _targets(self):
        checked = self.checked()
        if not checked:
            return []
        lines = ["", "## Targets", "", f"| target | case | measured, {SPREAD} | at most | |", "|---|---|---|---|---|"]
        for what, case, values, at_most in checked:
            digits = 0 if "RSS" in what else 3 if "at rest" in what else 2
            result = targets.verdict(median(values), at_most) if values else "not measured"
            lines.append(f"| {what} | {case} | {spread(values, digits)} | {at_most} | {result} |")
        return lines

    def _ratios(self, name, base):
        metrics = [m for m, *_ in METRICS]
        shown = "relay; at rest ÷ as sent by the producer" if base == BASE else f"`{base}`"
        lines = ["", f"### `{name}` ÷ {shown}", "",
                 "| records | " + " | ".join(metrics) + " | at rest |", "|---" * (len(metrics) + 2) + "|"]
        for case in self.settings.cases:
            cells = []
            for metric, values in self.case_ratios(case, name, base).items():
                cell = spread(values, 3 if metric == "at rest" else 2)
                at_most = targets.limit(metric, case, self.sent_batch(case)) if name == "encrypt" and base == BASE else None
                if values and at_most is not None:
                    cell += f"<br>≤ {at_most} {targets.verdict(median(values), at_most)}"
                cells.append(cell)
            lines.append(f"| {case.label} | " + " | ".join(cells) + " |")
        return lines

    def _latency(self):
        if not self.settings.rate_cases:
            return []
        lines = ["", f"## Latency at {self.settings.rate_mb} MB/s", "",
                 f"Milliseconds, linger.ms {self.settings.rate_linger} included; producer and consumer at once. Batches are small here, so CPU a GB is high.", "",
                 "| records | contender | ack p50 | ack p99 | end to end p50 | end to end p99 | p50 ÷ relay | p99 ÷ relay | p99 − relay, ms | CPU s/GB | other cores |",
                 "|---" * 11 + "|"]
        for case in self.settings.rate_cases:
            for name in self.names:
                rows = self.rows("rate", case, name)
                cells = [spread([getattr(r, c) for r in rows], 1) for c in ("ack_p50_ms", "ack_p99_ms", "e2e_p50_ms", "e2e_p99_ms")]
                relative = name not in ("direct", BASE)
                for column in ("e2e_p50_ms", "e2e_p99_ms"):
                    cells.append(spread(self.ratios("rate", case, name, BASE, lambda r, c=column: getattr(r, c)), 2) if relative else "")
                base = self.rows("rate", case, BASE)
                both = rows and base and relative
                cells.append(f"{median(r.e2e_p99_ms for r in rows) - median(r.e2e_p99_ms for r in base):+.1f}" if both else "")
                cells += [spread([r.proxy_cpu for r in rows], 1), spread([r.other_cores for r in rows], 1)]
                lines.append(f"| {case.label} | {name}{self._void_mark(case, name)} | " + " | ".join(cells) + " |")
        return lines + self._hand_over()

    def _hand_over(self):
        """What it costs a record that data keys end all the time."""
        if not {"encrypt", "renew"} <= set(self.names):
            return []
        lines = ["", "### A new data key after every MiB", "",
                 "`renew` is `encrypt` with `keys.maxBytes: 1048576`: up to five data keys a second here, each fetched before the last one ends, "
                 "so that no record waits for it. The ratios should be 1, but for what one run differs from the next.", "",
                 "| records | ack p50, renew ÷ encrypt | ack p99 | end to end p50 | end to end p99 |", "|---" * 5 + "|"]
        for case in self.settings.rate_cases:
            columns = ("ack_p50_ms", "ack_p99_ms", "e2e_p50_ms", "e2e_p99_ms")
            cells = [spread(self.ratios("rate", case, "renew", "encrypt", lambda r, c=c: getattr(r, c)), 2) for c in columns]
            lines.append(f"| {case.label} | " + " | ".join(cells) + " |")
        return lines

    def _measured(self):
        if not self.settings.cases:
            return []
        lines = ["", "## Measured", "",
                 "CPU in seconds for a GB (10⁹ bytes) of values. At rest: bytes stored ÷ plaintext, mean batch, codec.", "",
                 "| records | contender | produce MB/s | CPU | broker CPU | at rest | batch KiB | codec | consume MB/s | CPU | broker CPU | other cores |",
                 "|---" * 12 + "|"]
        for case in self.settings.cases:
            for name in (n for n in self.names if n != "renew"):
                p, c = self.rows("produce", case, name), self.rows("consume", case, name)
                cells = [
                    spread([r.mb_s for r in p], 0), spread([r.proxy_cpu for r in p], 2), spread([r.broker_cpu for r in p], 2),
                    middle([r.rest_bytes / (r.records * case.size) for r in p], 3), middle([r.rest_bytes / r.rest_batches / 1024 for r in p], 1),
                    "/".join(sorted({r.rest_codecs for r in p})),
                    spread([r.mb_s for r in c], 0), spread([r.proxy_cpu for r in c], 2), spread([r.broker_cpu for r in c], 2),
                    spread([r.other_cores for r in p + c], 1)]
                lines.append(f"| {case.label} | {name}{self._void_mark(case, name)} | " + " | ".join(cells) + " |")
        return lines

    def _void_mark(self, case, name):
        return " (void: other codec at rest)" if self.void(case, name) else ""

    def _memory(self):
        lines = ["", "## Memory", "", "| process | peak RSS, MiB |", "|---|---|"]
        return lines + [f"| {name} | {mib:.0f} |" for name, mib in self.memory.items()]


def spread(values, digits):
    values = [v for v in values if v is not None]
    if len(values) < 2:
        return middle(values, digits)
    low, mid, high = (f"{v:.{digits}f}" for v in (min(values), median(values), max(values)))
    return f"{mid} ({low}–{high})"


def middle(values, digits):
    return f"{median(values):.{digits}f}" if values else "–"

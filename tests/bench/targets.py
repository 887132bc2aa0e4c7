"""The project's performance targets: which figure of which case must not exceed what."""

CPU = 1.5             # proxy ÷ relay, CPU seconds a GB
CPU_WITH_BROKER = 1.3  # (proxy + broker) ÷ (relay + broker)
AT_REST = 1.05        # bytes at rest ÷ as sent by the producer
MIN_BATCH = 16 * 1024  # as sent, mean; smaller batches are outside the at-rest target
RSS_MIB = 64


def limit(metric, case, sent_batch_bytes=None):
    """The target of the encrypting contender for a metric of report.METRICS, or None. Targets are for 1 KiB records."""
    if case.size != 1024:
        return None
    compressed = case.codec != "none"
    if metric == "consume CPU" or (metric == "produce CPU" and not compressed):
        return CPU
    if metric == "produce CPU + broker" and compressed:
        return CPU_WITH_BROKER
    if metric == "at rest" and sent_batch_bytes is not None and sent_batch_bytes >= MIN_BATCH:
        return AT_REST
    return None


def verdict(value, at_most):
    return "ok" if value <= at_most else "**miss**"

"""Tests of what the harness concludes from its numbers: python3 -m unittest discover tests/bench"""

import unittest

import targets
from measure import Row
from report import Report
from settings import Case, Settings

CASE = Case(1024, "lz4", 12)


def rows(contender, proxy_cpu, rest_bytes, codec="lz4"):
    """One produce and one consume run of a GB, with a broker that takes 1 CPU second."""
    shared = dict(case=CASE.slug, repeat=0, contender=contender, records=1_000_000, mb_s=100.0, proxy_cpu=proxy_cpu, broker_cpu=1.0)
    return [Row(kind="produce", rest_bytes=rest_bytes, rest_batches=10, rest_codecs=codec, **shared), Row(kind="consume", **shared)]


def report(*measured, memory=()):
    settings = Settings({"CASES": "1024:lz4:12", "RATE_CASES": "-", "REPEATS": "1"})
    return Report(settings, [r for one in measured for r in one], dict(memory), ["encrypt"])


class Conclusions(unittest.TestCase):
    def test_compressed_produce_is_judged_with_the_broker(self):
        found = report(rows("direct", None, 400_000), rows("relay", 0.5, 400_000), rows("encrypt", 1.0, 404_000, "none"))
        by_name = {what: (values, at_most) for what, _, values, at_most in found.checked()}
        self.assertEqual(by_name["produce CPU + broker ÷ relay"], ([2.0 / 1.5], targets.CPU_WITH_BROKER))
        self.assertEqual(by_name["consume CPU ÷ relay"], ([2.0], targets.CPU))
        self.assertNotIn("produce CPU ÷ relay", by_name)

    def test_at_rest_is_judged_against_what_was_sent(self):
        found = report(rows("direct", None, 400_000), rows("encrypt", 1.0, 404_000, "none"))
        self.assertIn(("at rest ÷ as sent", CASE.label, [1.01], targets.AT_REST), found.checked())

    def test_small_batches_are_outside_the_at_rest_target(self):
        found = report(rows("direct", None, 100_000), rows("encrypt", 1.0, 150_000, "none"))
        self.assertNotIn("at rest ÷ as sent", [what for what, *_ in found.checked()])

    def test_another_codec_at_rest_voids_relay_and_direct(self):
        found = report(rows("direct", None, 400_000), rows("relay", 0.5, 900_000, "none"), rows("encrypt", 1.0, 404_000, "none"))
        self.assertEqual(found.case_ratios(CASE, "encrypt")["produce CPU"], [])
        self.assertIn("| 1 KiB lz4 | relay (void", found.markdown([], []))

    def test_a_failed_run_takes_no_part(self):
        failed = rows("encrypt", 1.0, 404_000)
        for row in failed:
            row.error = "failed 1"
        self.assertEqual(report(rows("relay", 0.5, 400_000), failed).case_ratios(CASE, "encrypt")["consume CPU"], [])

    def test_a_hand_over_is_judged_beside_the_same_proxy_without(self):
        def rate(contender, e2e):
            return [Row(kind="rate", case=CASE.slug, repeat=0, contender=contender, records=1000, rest_codecs="none",
                        ack_p50_ms=1.0, ack_p99_ms=2.0, e2e_p50_ms=1.0, e2e_p99_ms=e2e)]
        settings = Settings({"CASES": "-", "RATE_CASES": "1024:lz4:12", "RATE_REPEATS": "1"})
        measured = rate("relay", 3.0) + rate("encrypt", 4.0) + rate("renew", 5.0)
        text = Report(settings, measured, {}, ["encrypt"]).markdown([], [])
        self.assertIn("| 1 KiB lz4 | 1.00 | 1.00 | 1.00 | 1.25 |", text)
        for empty in ("## Ratios", "## Measured"):
            self.assertNotIn(empty, text, "no throughput was measured")

    def test_memory_is_judged_for_both_modes(self):
        found = report(rows("encrypt", 1.0, 1), memory={"encrypt": 40.0, "pass": 70.0, "relay": 14.0})
        judged = [(values[0], targets.verdict(values[0], at_most)) for what, _, values, at_most in found.checked() if "RSS" in what]
        self.assertEqual(judged, [(40.0, "ok"), (70.0, "**miss**")])


if __name__ == "__main__":
    unittest.main()

"""The story, step by step. Everything it says it has checked; the first promise that does not hold ends it."""

import collections
import hashlib
import json
import pathlib
import secrets
import shlex
import signal
import struct
import subprocess
import sys
import time

import play
import show
import stage
from play import check
from stage import Failure, Record, until

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
ORDERS, PARTITIONS = 200, 3  # in each topic
LIVE = "orders-live"
OLD_KEY, NEW_KEY = "orders", "orders-2026"
POLICY = "unmatchedTopics: Passthrough\nrules:\n  - topics: [{{prefix: orders-}}]\n    key: {{name: {}}}\n"
ENVELOPE = "encryption.strimzi.io"
REFERENCE_HEADER = "x-payment-reference"


def main(stay=False):
    start = time.monotonic()

    def story(place):
        demo = Demo(place, *prepared())
        demo.tell(start)
        if stay:
            signal.alarm(0)
            demo.stay()
        demo.end()

    return play.perform(stage.Stage, story)


def prepared():
    rig, binary = stage.rig(), stage.binary("PROXY_BIN", "topic-encryption-proxy")
    if not list(pathlib.Path(rig["KAFKA_LIBS"]).glob("kafka_*.jar")):
        raise Failure("Kafka is not there yet: run `make demo`, or tests/rig/setup demo")
    if not binary.is_file():
        raise Failure(f"no proxy at {binary}: run `make demo`, or cargo build --release -p proxy")
    return rig, binary


class Orders:
    """What a pair of topics gets: `orders-CODEC` is encrypted, `public-CODEC` its clear twin with the same records."""

    PEOPLE = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Katherine Johnson", "Edsger Dijkstra", "Barbara Liskov"]

    def __init__(self, codec):
        self.codec, self.secret, self.clear = codec, f"orders-{codec}", f"public-{codec}"
        self.records = [self.record(i) for i in range(ORDERS)]
        # What must not be found at rest: text from each key, each value and each header, and the header's name.
        self.canaries = [canary for record in self.records for canary in self.canaries_of(record)]
        self.canaries.append(REFERENCE_HEADER.encode())

    def record(self, i):
        name, token = self.PEOPLE[i % len(self.PEOPLE)], secrets.token_hex
        digits = f"4{secrets.randbelow(10**15):015}"
        order = {
            "order": i,
            "customer": name,
            "card": " ".join(digits[at : at + 4] for at in range(0, 16, 4)),
            "email": f"{name.split()[0].lower()}.{token(4)}@example.com",
            "items": ["keyboard", "coffee"],
            "total": 10 + i / 4,
        }
        headers = [("content-type", b"application/json"), (REFERENCE_HEADER, f"PAY-{token(6)}".encode())]
        return Record(f"customer-{token(6)}".encode(), json.dumps(order).encode(), headers)

    @staticmethod
    def canaries_of(record):
        return [record.key, json.loads(record.value)["card"].encode(), record.header(REFERENCE_HEADER)]

    def plain_bytes(self):
        return sum(len(record.bytes()) for record in self.records)


class Envelope:
    """What stands in clear in an envelope's header: see proxy/crypto/FORMAT.md."""

    def __init__(self, data):
        self.format = {1: "batch", 2: "record"}[data[1]]
        at = 4  # behind version, format, algorithm and nonce mode
        self.provider, at = self.name(data, at)
        self.key, at = self.name(data, at)
        # A batch's ends with attributes, record count and two timestamps.
        self.records = struct.unpack(">hiqq", data[-22:])[1] if self.format == "batch" else 1

    @staticmethod
    def name(data, at):
        end = at + 1 + data[at]
        return data[at + 1 : end].decode(), end


class Demo:
    def __init__(self, place, rig, binary):
        self.place, self.rig, self.binary = place, rig, binary
        self.pairs = [Orders(codec) for codec in CODECS]
        self.through, self.raw, self.summary, self.batches = {}, {}, {}, 0

    def tell(self, start):
        show.headline("Strimzi Topic Encryption: what producers send, brokers keep and consumers get")
        with show.step(1, "A Kafka broker, and the proxy in front of it", "start"):
            self.start()
        topics = 2 * len(CODECS)
        with show.step(2, f"A stock Java client sends {ORDERS} orders to each of {topics} topics through the proxy", "send, read"):
            self.send()
        with show.step(3, "The same topic, seen from three sides", "compare"):
            self.compare()
        with show.step(4, "A search of the broker's files for what was sent, in every batch decompressed", "search"):
            self.search()
        with show.step(5, "A new key in the policy file, while kcat produces and consumes through the proxy", "new key"):
            self.change_key()
        self.sum_up(time.monotonic() - start)

    # 1

    def start(self):
        progress = show.Progress()
        progress.show("starting the broker, about two seconds …")
        broker_port, controller_port, *ports = stage.free_ports(5)
        self.broker = stage.Broker(self.place, broker_port, controller_port)
        self.client = stage.JavaClient(self.place, self.rig["JAVA_CLIENT"])
        self.proxy = proxy = stage.Proxy(self.place, self.binary, self.broker.address, *ports)
        proxy.add_key(OLD_KEY)
        proxy.write_policy(POLICY.format(OLD_KEY))
        self.broker.wait()
        proxy.start()
        progress.clear()
        [jar] = pathlib.Path(self.rig["KAFKA_LIBS"]).glob("kafka-clients-*.jar")
        show.table(["what", "where", ""], [
            ["broker", self.broker.address, f"Apache Kafka {jar.stem.rsplit('-', 1)[1]}, KRaft, from Maven"],
            ["proxy", proxy.address, "clients change this one address and nothing else"],
            ["admin", f"127.0.0.1:{proxy.admin_port}", "/policy /keys /topics /metrics"],
            ["key", "keys/orders.v1", "32 random bytes, for the embedded provider `local`"],
        ])
        show.code(proxy.policy.read_text(), "policy.yaml: topics that begin with orders- are encrypted, others pass")
        policy = self.policy_in_force()
        check(policy["rules"] == 1 and not policy["lastError"],
              f"The proxy is ready; /policy: generation {policy['generation']}, hash {policy['hash'][:16]}…")

    def policy_in_force(self):
        """Its hash is that of the file."""
        policy = self.proxy.loaded_policy()
        if policy["hash"] != hashlib.sha256(self.proxy.policy.read_bytes()).hexdigest():
            raise Failure(f"the policy in force is not the file: {policy}")
        return policy

    # 2

    def send(self):
        progress = show.Progress()
        before = self.proxy.metrics()
        places = {}
        for pair in self.pairs:
            for topic in (pair.secret, pair.clear):
                progress.show(f"sending to {topic}")
                self.client.create_topic(self.proxy.address, topic, PARTITIONS)
                places[topic] = self.client.produce(self.proxy.address, topic, pair.codec, pair.records)
                progress.show(f"reading {topic}")
                self.through[topic] = self.client.consume(self.proxy.address, topic)
                self.raw[topic] = self.client.consume(self.broker.address, topic)
        progress.clear()
        show.say("orders-CODEC is encrypted; public-CODEC is its clear twin and gets the same records.")
        at_rest = self.broker.bytes_at_rest
        show.table(
            ["codec", "records in each", "as sent", "clear twin at rest", "encrypted at rest"],
            [[pair.codec, ORDERS, show.size(pair.plain_bytes()), show.size(at_rest(pair.clear)),
              show.size(at_rest(pair.secret))] for pair in self.pairs])
        for pair in self.pairs:
            for topic in (pair.secret, pair.clear):
                if self.through[topic] != dict(zip(places[topic], pair.records)):
                    raise Failure(f"{topic} does not give back through the proxy what was sent")
        count = 2 * len(self.pairs) * ORDERS
        show.promise(f"A consumer through the proxy got all {count:,} records as they were sent: key, value, headers, place")
        for pair in self.pairs:
            self.check_raw(pair)
        show.promise("A consumer at the broker found the same offsets, and in the encrypted topics no clear record")
        after = self.proxy.metrics()
        self.show_metrics(before, after, ["encrypted_records_total", "decrypted_records_total"])
        names = "encrypted_records_total", "refused_partitions_total"
        encrypted, refused = (after.sum(name) - before.sum(name) for name in names)
        wanted = len(self.pairs) * ORDERS
        check(encrypted == wanted and refused == 0, f"The proxy's own count: {encrypted:,} records encrypted, {refused} refused",
              f"There should be {wanted:,} and 0.")

    def check_raw(self, pair):
        secret, clear = self.raw[pair.secret], self.raw[pair.clear]
        if clear != self.through[pair.clear]:
            raise Failure(f"{pair.clear} is not at the broker as it was sent")
        if set(secret) != set(self.through[pair.secret]):
            raise Failure(f"{pair.secret} has other offsets at the broker")
        everything = b"\0".join(record.bytes() for record in secret.values())
        found = [canary.decode() for canary in pair.canaries if canary in everything]
        if found:
            raise Failure(f"{pair.secret} has clear text at the broker: {found[:3]}")
        envelopes = envelopes_of(secret).values()
        if sum(envelope.records for envelope in envelopes) != ORDERS or {e.key for e in envelopes} != {OLD_KEY}:
            raise Failure(f"{pair.secret} does not have all records in envelopes of key {OLD_KEY}")

    def show_metrics(self, before, after, families):
        changed = [name for name in after.series if after.series[name] != before.series[name]]
        lines = [f"topic_encryption_{name} {after.series[name]:.0f}" for name in changed if name.split("{")[0] in families]
        show.code("\n".join(lines), "/metrics")

    # 3

    def compare(self):
        pair = self.pairs[-1]
        for topic in (pair.secret, pair.clear):
            # The first record of a partition is where the envelope of a whole batch stands.
            place = min(self.through[topic])
            seen, kept = self.through[topic][place], self.raw[topic][place]
            three_sides(self.client, topic, place, seen, kept, self.broker.partitions(topic), secret=topic == pair.secret)
        show.promise(f"{pair.secret} can be read through the proxy alone; {pair.clear} also at the broker and on its disk")

    # 4

    def search(self):
        rows, canaries = [], []
        for pair in self.pairs:
            canaries += pair.canaries
            control, clear = self.search_in(pair, pair.clear)
            found, secret = self.search_in(pair, pair.secret)
            if set(clear) != {pair.codec}:
                raise Failure(f"the search is no proof: {pair.clear} has batches of {clear}")
            self.batches += sum(secret.values())
            rows.append([pair.codec, len(pair.canaries), sum(clear.values()), control, sum(secret.values()), found])
        show.table(["codec", "strings", "batches of clear twin", "found", "batches encrypted", "found in these"], rows)
        check(all(row[3] == row[1] for row in rows), "The search works: with each codec it found every string in the clear twin")
        check(all(row[5] == 0 for row in rows), "It found none in the encrypted topics")
        others = [folder for folder in sorted(self.broker.logs.iterdir()) if not folder.name.startswith("public-")]
        where, totals = self.client.search(canaries, others)
        found = sum(map(bool, where))
        self.summary["searched"] = f"{len(canaries):,} strings in {totals['files']} files: {found} found"
        check(found == 0, f"Nor in any other file of the broker but those of the clear twins: {totals['files']} files searched")

    def search_in(self, pair, topic):
        """Returns how many strings were found, and the batches by codec."""
        where, totals = self.client.search(pair.canaries, self.broker.partitions(topic))
        if totals["records"] != ORDERS or totals["invalid"]:
            raise Failure(f"the search is no proof: of the {ORDERS} records of {topic} it read {totals}")
        return sum(map(bool, where)), totals["batches"]

    # 5

    def change_key(self):
        proxy, pause = self.proxy, 1.0
        self.client.create_topic(proxy.address, LIVE, PARTITIONS)
        produce = [self.rig["KCAT"], "-P", "-b", proxy.address, "-t", LIVE, "-K", r"\t", "-z", "lz4", "-q",
                   "-X", "enable.idempotence=true", "-X", "max.in.flight=5", "-X", "linger.ms=2"]
        consume = [self.rig["KCAT"], "-C", "-b", proxy.address, "-t", LIVE, "-o", "beginning", "-q", "-u",
                   "-f", r"%p\t%o\t%k\t%s\n", "-X", "fetch.wait.max.ms=50"]
        show.code("\n".join(shlex.join(["kcat", *argv[1:]]) for argv in (produce, consume)))
        consumer = stage.LiveConsumer(self.place, consume)
        producer = stage.LiveProducer(self.place, produce, live_line)
        start, rows = time.monotonic(), []
        progress = show.Progress()

        def note(what):
            generation = proxy.loaded_policy()["generation"]
            rows.append([f"{time.monotonic() - start:.2f} s", what, generation, producer.sent, len(consumer.read)])

        def read(count, what):
            def enough():
                generation = proxy.loaded_policy()["generation"]
                progress.show(f"sent {producer.sent:,}, read {len(consumer.read):,}, policy generation {generation}")
                return len(consumer.read) >= count
            until(enough, 30, what)

        read(500, "the consumer reads 500 records")
        connected, before = proxy.metrics(), proxy.loaded_policy()
        note("both are connected")
        read(len(consumer.read) + int(pause * 1000), "the consumer reads on")
        read_before = len(consumer.read)
        note("policy.yaml is replaced")
        proxy.add_key(NEW_KEY)
        proxy.write_policy(POLICY.format(NEW_KEY))
        replaced = time.monotonic()
        until(lambda: proxy.loaded_policy()["generation"] > before["generation"], 15, "the proxy loads the new policy")
        took, sent_before = time.monotonic() - replaced, producer.sent
        note("the proxy has loaded it")
        read(sent_before + 1500, "the consumer reads on after the reload")
        after = proxy.metrics()
        note("enough")
        producer.finish()
        read(producer.sent, "the consumer reads everything")
        self.place.stop("consumer")
        progress.clear()
        show.table(["time", "what", "policy generation", "sent", "read"], rows)
        show.code(proxy.policy.read_text(), "policy.yaml now; keys/orders-2026.v1 is new")
        policy = self.policy_in_force()
        was, now = (f"generation {each['generation']}, hash {each['hash'][:16]}…" for each in (before, policy))
        check(policy["generation"] == before["generation"] + 1, f"/policy: {was} became {now} {took:.1f} s after the file changed")
        self.check_live(producer, consumer, read_before, sent_before)
        self.show_metrics(connected, after, ["encrypted_records_total", "decrypted_records_total", "policy_generation"])
        names = "connections_closed_total", "connections_total", "refused_partitions_total"
        closed, opened, refused = (after.sum(name) - connected.sum(name) for name in names)
        check(closed == opened == refused == 0,
              f"Meanwhile {closed} connections were closed, {opened} opened, {refused} records refused")
        self.summary |= {"took": f"{took:.1f} s", "live": producer.sent}

    def check_live(self, producer, consumer, read_before, sent_before):
        """`read_before` records were read before the policy changed, `sent_before` were sent before it was in force."""
        numbers = collections.defaultdict(list)
        for partition, offset, key, value in consumer.read:
            number = json.loads(value)["order"]
            numbers[partition].append((offset, number))
            if f"{key}\t{value}\n" != live_line(number):
                raise Failure(f"the consumer read another record {number}: {value}")
        everything = [number for part in numbers.values() for _, number in part]
        check(sorted(everything) == list(range(producer.sent)), f"All {producer.sent:,} records were read once",
              f"{len(everything)} were read, {len(set(everything))} of them different.")
        ordered = all(list(column) == sorted(column) for part in numbers.values() for column in zip(*part))
        check(ordered, f"In each of {PARTITIONS} partitions they came in the order in which they were sent")

        envelopes = envelopes_of(self.client.consume(self.broker.address, LIVE))
        keys = {}  # of each record, by its place
        for (partition, offset), envelope in envelopes.items():
            keys.update({(partition, offset + i): envelope.key for i in range(envelope.records)})
        places = {(partition, offset): number for partition, part in numbers.items() for offset, number in part}
        if set(keys) != set(places):
            raise Failure("the envelopes at the broker do not stand for the records that were read")
        rows = []
        for name in sorted({*keys.values(), OLD_KEY, NEW_KEY}):
            mine = [place for place, key in keys.items() if key == name]
            batches = sum(envelope.key == name for envelope in envelopes.values())
            offsets = [spread([offset for p, offset in mine if p == partition]) for partition in range(PARTITIONS)]
            rows.append([name, batches, len(mine), *offsets])
        show.say("Which key each record is encrypted with, from the headers of the envelopes at the broker:")
        show.table(["key", "batches", "records", *(f"offsets in {LIVE}-{p}" for p in range(PARTITIONS))], rows)
        self.summary["keys"] = {row[0]: row[2] for row in rows}
        early = {keys[partition, offset] for partition, offset, _, _ in consumer.read[:read_before]}
        late = {keys[place] for place, number in places.items() if number >= sent_before}
        check(early == {OLD_KEY} and late == {NEW_KEY},
              f"What was read before the change is under {OLD_KEY}, what was sent after the reload is under {NEW_KEY}",
              f"It is under {early} and {late}.")
        in_order = [[keys[place] for place in sorted(keys) if place[0] == partition] for partition in range(PARTITIONS)]
        check(all(part == sorted(part, key=[OLD_KEY, NEW_KEY].index) for part in in_order), "Each partition changed keys once")
        again = self.client.consume(self.proxy.address, LIVE)
        wanted = {place: live_record(number) for place, number in places.items()}
        check(wanted == {place: (r.key, r.value) for place, r in again.items()},
              "A consumer that starts now reads all of it, under the old key and the new")

    # The end

    def sum_up(self, seconds):
        at_rest = self.broker.bytes_at_rest
        sizes = {pair.codec: (at_rest(pair.secret), at_rest(pair.clear)) for pair in self.pairs}
        more = sum(secret - clear for secret, clear in sizes.values()) // self.batches
        encrypted = len(self.pairs) * ORDERS + self.summary["live"]
        everything = encrypted + len(self.pairs) * ORDERS
        keys = self.summary["keys"].items()
        ratios = [f"{codec} {secret / clear:.2f}" for codec, (secret, clear) in sizes.items()]
        show.out()
        show.headline("In short")
        show.table(["what", "result"], [
            ["sent and read back through the proxy", f"{everything:,} records, {encrypted:,} of them encrypted"],
            ["found in the broker's files", self.summary["searched"]],
            ["change of key", f"in force {self.summary['took']} after the file changed, no connection closed"],
            ["records by key", ", ".join(f"{count:,} under {key}" for key, count in keys)],
            ["bytes at rest, encrypted to clear", ", ".join(ratios)],
            ["", f"on average {more} bytes more for each of these small batches, whatever its size"],
            ["time", f"{seconds:.1f} s: " + ", ".join(f"{name} {took:.1f}" for name, took in show.times)],
        ])
        show.say("Next: `tests/demo/run --stay` leaves it running for your own client. proxy/docs has every field "
                 "of both files, proxy/crypto/FORMAT.md the bytes at rest; `make test` and `make bench` prove and measure it.")

    def stay(self):
        show.out()
        show.say(f"Still running, until Ctrl-C. Files are in {self.place.folder}. To try:", "bold")
        show.code(
            f"kcat -C -b {self.proxy.address} -t orders-zstd -e -c 3      # through the proxy\n"
            f"kcat -C -b {self.broker.address} -t orders-zstd -e -c 3      # at the broker\n"
            f"curl -s 127.0.0.1:{self.proxy.admin_port}/policy\n"
            f"$EDITOR {self.proxy.policy}")
        try:
            until(lambda: None, 24 * 3600, "Ctrl-C")
        except KeyboardInterrupt:
            show.out()

    def end(self):
        code = self.place.stop("proxy")
        check(code == 0, "On SIGTERM the proxy drained and ended with code 0", f"The code was {code}.")


def envelopes_of(records):
    """By place; behind that of a batch the offsets of its other records have nothing."""
    headers = {place: record.header(ENVELOPE) for place, record in records.items()}
    return {place: Envelope(header) for place, header in headers.items() if header}


def three_sides(client, topic, place, seen, kept, partitions, secret):
    """One record as clients see it through the proxy and at the broker, and what is found of it in the segments."""
    canaries = Orders.canaries_of(seen)
    where, totals = client.search(canaries, partitions)
    size = sum(file.stat().st_size for folder in partitions for file in folder.glob("*.log"))
    verdicts = ["found" if found else "not found" for found in where]
    show.say(f"{topic}, partition {place[0]}, offset {place[1]}:", "bold")
    show.side_by_side([
        ("a consumer through the proxy", "green", describe(seen)),
        ("a consumer at the broker", "red" if secret else "green", describe(kept)),
        ("a search of the segment files", "yellow", [
            ("files", f"{len(partitions)} partitions, {size:,} bytes, {totals['records']} records", 2),
            *((label, f"{verdict}: {canary.decode()}", 2)
              for label, canary, verdict in zip(("key", "value", "header"), canaries, verdicts)),
        ]),
    ])
    if set(verdicts) != {"not found" if secret else "found"}:
        raise Failure(f"the search of {topic} found {where}")


def describe(record):
    """For show.side_by_side."""
    lines = [("key", show.excerpt(record.key), 2), ("value", show.excerpt(record.value), 4)]
    for i, (name, value) in enumerate(record.headers):
        text = show.excerpt(value)
        if name == ENVELOPE:
            envelope = Envelope(value)
            text = f"{envelope.format}, provider {envelope.provider}, key {envelope.key}, wrapped data key, …"
        lines.append(("headers" if i == 0 else "", f"{name}: {text}", 3))
    return lines


def live_record(number):
    value = {"order": number, "customer": Orders.PEOPLE[number % len(Orders.PEOPLE)], "total": number / 4}
    return f"customer-{number % 41:02}".encode(), json.dumps(value).encode()


def live_line(number):
    return "{}\t{}\n".format(*(part.decode() for part in live_record(number)))


def spread(offsets):
    return f"{min(offsets)} to {max(offsets)}" if offsets else "none"


if __name__ == "__main__":
    sys.exit("run tests/demo/run")

"""A map in a compacted topic, kept as schema registries keep theirs.

usage: registry.py BOOTSTRAP TOPIC [NAME=VALUE...]      (properties of the topic, which it makes where there is none)

It reads the topic from its beginning to its end, which it finds by a record that says nothing (NOOP), and then answers
commands, one JSON line each: ["put", KEY, VALUE], ["delete", KEY] and ["noop"] with {"offset": N} once it has read back what it wrote,
["follow", OFFSET] once it has read that far, ["all"] with {"map": {...}, "read": RECORDS}. It never writes without having read on.
"""

import json
import sys
import time

import confluent_kafka as ck
from confluent_kafka import admin as ck_admin

NOOP = '{"keytype":"NOOP"}'
SECONDS = 60


class Registry:
    def __init__(self, bootstrap, topic, properties):
        self.topic, self.map, self.read, self.position = topic, {}, 0, -1
        make(bootstrap, topic, properties)
        self.producer = ck.Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 0})
        self.consumer = ck.Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "enable.auto.commit": False, "check.crcs": True})
        self.consumer.assign([ck.TopicPartition(topic, 0, ck.OFFSET_BEGINNING)])
        self.write(NOOP, None)

    def write(self, key, value):
        answers = []
        self.producer.produce(self.topic, key=key, value=value, partition=0, on_delivery=lambda *answer: answers.append(answer))
        self.producer.flush(SECONDS)
        error, message = answers[0]
        if error:
            raise ck.KafkaException(error)
        self.follow(message.offset())
        return {"offset": message.offset()}

    def follow(self, offset):
        end = time.monotonic() + SECONDS
        while self.position < offset:
            record = self.consumer.poll(1)
            if record is None:
                if time.monotonic() > end:
                    raise TimeoutError(f"at {self.position}, not at {offset}")
                continue
            if record.error():
                raise ck.KafkaException(record.error())
            self.take(record)
        return {"offset": offset}

    def take(self, record):
        self.position = record.offset()
        self.read += 1
        key = record.key().decode()
        if key == NOOP:
            return
        if record.value() is None:
            self.map.pop(key, None)
        else:
            self.map[key] = record.value().decode()

    def answer(self, command, *words):
        if command == "all":
            return {"map": self.map, "read": self.read}
        if command == "follow":
            return self.follow(*words)
        return self.write(*{"put": words, "delete": (*words, None), "noop": (NOOP, None)}[command])


def make(bootstrap, topic, properties):
    admin = ck_admin.AdminClient({"bootstrap.servers": bootstrap})
    made = admin.create_topics([ck_admin.NewTopic(topic, 1, config={"cleanup.policy": "compact", **properties})])
    try:
        made[topic].result()
    except ck.KafkaException as e:
        if e.args[0].code() != ck.KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def main():
    bootstrap, topic, *properties = sys.argv[1:]
    registry = Registry(bootstrap, topic, dict(p.split("=", 1) for p in properties))
    print(json.dumps({"ready": registry.read}), flush=True)
    for line in sys.stdin:
        print(json.dumps(registry.answer(*json.loads(line))), flush=True)


main()

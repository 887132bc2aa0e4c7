"""The Python client of the tests, on kafka-python (the protocol in Python)."""

import re
import signal
import time

import kafka
import kafka.admin
from kafka import errors

import cli

TIMESTAMP_TYPES = {0: "CreateTime", 1: "LogAppendTime"}
NAMES = {"MESSAGE_SIZE_TOO_LARGE": "MESSAGE_TOO_LARGE"}
TIMEOUTS = (errors.KafkaTimeoutError, TimeoutError)


def name(error):
    if isinstance(error, TIMEOUTS):
        return "CLIENT_TIMEOUT"
    if getattr(error, "errno", -1) > 0 and hasattr(error, "message"):
        return NAMES.get(error.message, error.message)
    return "_" + type(error).__name__


def config(args, **own):
    """Properties have kafka-python's names; dots stand for underscores too."""
    own = {key: value for key, value in own.items() if value is not None}
    for key, value in args.property.items():
        own[key.replace(".", "_")] = int(value) if re.fullmatch(r"\d+", value) else value
    return {"bootstrap_servers": args.bootstrap, **own}


def produce(args, records):
    producer = kafka.KafkaProducer(**config(
        args, acks=args.acks if args.acks == "all" else int(args.acks), linger_ms=int(args.linger),
        compression_type=None if args.codec == "none" else args.codec, enable_idempotence=args.idempotent == "true",
        batch_size=int(args.batch_bytes or 16384), max_in_flight_requests_per_connection=args.in_flight and int(args.in_flight),
        transactional_id=args.transactional_id, delivery_timeout_ms=args.timeout_ms, max_block_ms=args.timeout_ms,
        request_timeout_ms=args.timeout_ms // 2))
    if args.transactional_id:
        producer.init_transactions()
        producer.begin_transaction()
    answers = [send(producer, args.topic, record) for record in records]
    producer.flush()
    for answer in answers:
        try:
            sent = answer if isinstance(answer, Exception) else answer.get(timeout=args.timeout_ms / 1000)
        except errors.KafkaError as error:
            sent = error
        if isinstance(sent, Exception):
            cli.note(repr(sent))
            cli.line(error=name(sent))
        else:
            cli.line(partition=sent.partition, offset=sent.offset)
    if args.transactional_id and args.outcome == "commit":
        producer.commit_transaction()
    elif args.transactional_id:
        producer.abort_transaction()
    producer.close()


def send(producer, topic, record):
    try:
        return producer.send(
            topic, key=cli.decode(record.get("key")), value=cli.decode(record.get("value")),
            headers=cli.headers_of(record), partition=record.get("partition"), timestamp_ms=record.get("timestamp"))
    except (errors.KafkaError, TypeError) as error:  # a null header value is a TypeError
        return error


def consumer_of(args, **own):
    return kafka.KafkaConsumer(**config(args, auto_offset_reset="earliest", enable_auto_commit=False, fetch_max_wait_ms=100, **own))


class Late(BaseException):
    """Not an Exception, so that no handler of the library keeps it."""


def consume(args, _):
    """kafka-python's poll never returns from a corrupt batch, hence the alarm."""

    def late(*_):
        raise Late

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, args.timeout_ms / 1000 + 1)
    try:
        return read(args)
    except Late:
        return 3
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def read(args):
    if args.group and args.count is None:
        raise ValueError("--group needs --count")
    deadline = time.monotonic() + args.timeout_ms / 1000
    consumer = consumer_of(args, group_id=args.group, isolation_level=args.isolation)
    ends = {}
    if args.group:
        consumer.subscribe([args.topic])
    else:
        ends = assign(consumer, args, deadline)
    left, done, seen = args.count, {}, set()
    while left != 0 and (args.count is not None or any(consumer.position(p) < end for p, end in ends.items())):
        if time.monotonic() > deadline:
            consumer.close(autocommit=False)
            return 3
        try:
            batch = consumer.poll(timeout_ms=100, max_records=min(left or 500, 500))
        except errors.KafkaError as error:
            if name(error) not in seen:
                seen.add(name(error))
                cli.note(repr(error))
                cli.line(error=name(error))
            time.sleep(0.1)
            continue
        for partition, records in batch.items():
            for record in records:
                print_record(record)
                done[partition] = kafka.OffsetAndMetadata(record.offset + 1, "", -1)
                left = left - 1 if left is not None else None
    if args.group:
        consumer.commit(done)
        if args.hold:
            cli.await_end()
    consumer.close(autocommit=False)


def assign(consumer, args, deadline):
    """Returns the end of each partition."""
    partitions = {int(args.partition)} if args.partition != "all" else consumer.partitions_for_topic(args.topic)
    while not partitions:
        if time.monotonic() > deadline:
            raise errors.UnknownTopicOrPartitionError
        time.sleep(0.1)
        partitions = consumer.partitions_for_topic(args.topic)
    partitions = [kafka.TopicPartition(args.topic, p) for p in partitions]
    consumer.assign(partitions)
    for partition in partitions:
        if args.offset is None:
            consumer.seek_to_beginning(partition)
        else:
            consumer.seek(partition, args.offset)
    return consumer.end_offsets(partitions)


def print_record(record):
    cli.line(
        partition=record.partition, offset=record.offset, timestamp=record.timestamp,
        timestampType=TIMESTAMP_TYPES.get(record.timestamp_type, "NoTimestampType"),
        key=cli.encode(record.key), value=cli.encode(record.value),
        headers=[[key, cli.encode(value)] for key, value in record.headers])


def offsets_for_time(args, _):
    consumer = consumer_of(args, group_id=None)
    partition = kafka.TopicPartition(args.topic, args.partition)
    found = consumer.offsets_for_times({partition: args.timestamp})[partition]
    consumer.close()
    cli.line(offset=None if found is None else found.offset)


def admin(args, _):
    client = kafka.KafkaAdminClient(**config(args))
    try:
        if args.action == "describe-topic":
            [topic] = client.describe_topics([args.topic])
            return cli.description(args.topic, {p["partition"]: p["leader"] for p in topic["partitions"]})
        elif args.action == "create-topic":
            client.create_topics([kafka.admin.NewTopic(args.topic, args.partitions, 1)], timeout_ms=args.timeout_ms)
        else:
            client.delete_topics([args.topic], timeout_ms=args.timeout_ms)
        cli.line(ok=True)
    finally:
        client.close()


if __name__ == "__main__":
    cli.main({"produce": produce, "consume": consume, "offsets-for-time": offsets_for_time, "admin": admin}, name)

"""The Python client of the tests, on confluent-kafka (its own librdkafka)."""

import functools
import time

import confluent_kafka as ck
from confluent_kafka import admin as ck_admin

import cli

# Where librdkafka's name is not Kafka's.
NAMES = {
    "UNKNOWN": "UNKNOWN_SERVER_ERROR",
    "INVALID_MSG": "CORRUPT_MESSAGE",
    "_BAD_MSG": "CORRUPT_MESSAGE",
    "UNKNOWN_TOPIC_OR_PART": "UNKNOWN_TOPIC_OR_PARTITION",
    "_UNKNOWN_TOPIC": "UNKNOWN_TOPIC_OR_PARTITION",
    "_UNKNOWN_PARTITION": "UNKNOWN_TOPIC_OR_PARTITION",
    "INVALID_MSG_SIZE": "INVALID_FETCH_SIZE",
    "NOT_LEADER_FOR_PARTITION": "NOT_LEADER_OR_FOLLOWER",
    "MSG_SIZE_TOO_LARGE": "MESSAGE_TOO_LARGE",
    "TOPIC_EXCEPTION": "INVALID_TOPIC_EXCEPTION",
    "_MSG_TIMED_OUT": "CLIENT_TIMEOUT",
    "_TIMED_OUT": "CLIENT_TIMEOUT",
}
TIMESTAMP_TYPES = {
    ck.TIMESTAMP_NOT_AVAILABLE: "NoTimestampType",
    ck.TIMESTAMP_CREATE_TIME: "CreateTime",
    ck.TIMESTAMP_LOG_APPEND_TIME: "LogAppendTime",
}


def name(error):
    if isinstance(error, ck.KafkaException):
        error = error.args[0]
    if not isinstance(error, ck.KafkaError):
        return "_" + type(error).__name__
    return NAMES.get(error.name(), error.name())


def config(args, **own):
    own = {key.replace("_", "."): value for key, value in own.items() if value is not None}
    return {"bootstrap.servers": args.bootstrap, "error_cb": lambda e: cli.note(e.str()), **own, **args.property}


def produce(args, records):
    producer = ck.Producer(config(
        args, acks=args.acks, compression_type=args.codec, enable_idempotence=args.idempotent, linger_ms=args.linger,
        batch_size=args.batch_bytes, max_in_flight=args.in_flight, transactional_id=args.transactional_id,
        message_timeout_ms=args.timeout_ms))
    seconds = args.timeout_ms / 1000
    if args.transactional_id:
        producer.init_transactions(seconds)
        producer.begin_transaction()
    answers = []
    for i, record in enumerate(records):
        answers.append(None)
        send(producer, args.topic, record, functools.partial(answered, answers, i))
    producer.flush(seconds + 5)
    for answer in answers:
        cli.line(**(answer or {"error": "CLIENT_TIMEOUT"}))
    if args.transactional_id and args.outcome == "commit":
        producer.commit_transaction(seconds)
    elif args.transactional_id:
        producer.abort_transaction(seconds)


def answered(answers, i, error, message):
    if error:
        answers[i] = {"error": name(error)}
    else:
        offset = message.offset()
        answers[i] = {"partition": message.partition(), "offset": -1 if offset is None or offset < 0 else offset}


def send(producer, topic, record, on_delivery):
    partition, timestamp = record.get("partition"), record.get("timestamp")
    while True:
        try:
            return producer.produce(
                topic, key=cli.decode(record.get("key")), value=cli.decode(record.get("value")),
                partition=-1 if partition is None else partition, timestamp=timestamp or 0,
                headers=cli.headers_of(record), on_delivery=on_delivery)
        except BufferError:
            producer.poll(0.1)
        except ck.KafkaException as error:
            return on_delivery(error.args[0], None)


def consumer_of(args, **own):
    return ck.Consumer(config(args, auto_offset_reset="earliest", enable_auto_commit="false", fetch_wait_max_ms=100, **own))


def consume(args, _):
    if args.group and args.count is None:
        raise ValueError("--group needs --count")
    deadline = time.monotonic() + args.timeout_ms / 1000
    consumer = consumer_of(args, group_id=args.group or "none", isolation_level=args.isolation, enable_partition_eof="true")
    open_partitions = set()
    if args.group:
        consumer.subscribe([args.topic])
    else:
        open_partitions = assign(consumer, args, deadline)
    left, errors = args.count, set()
    while left != 0 and (args.count is not None or open_partitions):
        if time.monotonic() > deadline:
            consumer.close()
            return 3
        message = consumer.poll(0.1)
        if message is None:
            continue
        if not message.error():
            print_record(message)
            left = left - 1 if left is not None else None
        elif message.error().code() == ck.KafkaError._PARTITION_EOF:
            open_partitions.discard(message.partition())
        elif (name(message.error()), message.partition()) not in errors:
            errors.add((name(message.error()), message.partition()))
            cli.note(message.error().str())
            cli.line(error=name(message.error()), **partition_of(message))
    if args.group:
        consumer.commit(asynchronous=False)
        if args.hold:
            cli.await_end()
    consumer.close()


def partition_of(message):
    return {} if message.partition() is None or message.partition() < 0 else {"partition": message.partition()}


def assign(consumer, args, deadline):
    partitions = {int(args.partition)} if args.partition != "all" else set()
    while not partitions:
        topic = consumer.list_topics(args.topic, 10).topics[args.topic]
        if topic.error is None:
            partitions = set(topic.partitions)
        elif time.monotonic() > deadline:
            raise ck.KafkaException(topic.error)
        else:
            time.sleep(0.1)
    offset = ck.OFFSET_BEGINNING if args.offset is None else args.offset
    consumer.assign([ck.TopicPartition(args.topic, p, offset) for p in partitions])
    return partitions


def print_record(message):
    kind, timestamp = message.timestamp()
    cli.line(
        partition=message.partition(), offset=message.offset(), timestamp=timestamp, timestampType=TIMESTAMP_TYPES[kind],
        key=cli.encode(message.key()), value=cli.encode(message.value()),
        headers=[[key, cli.encode(value)] for key, value in message.headers() or []])


def offsets_for_time(args, _):
    consumer = consumer_of(args, group_id="none")
    [found] = consumer.offsets_for_times([ck.TopicPartition(args.topic, args.partition, args.timestamp)], args.timeout_ms / 1000)
    consumer.close()
    if found.error:
        raise ck.KafkaException(found.error)
    cli.line(offset=None if found.offset < 0 else found.offset)


def admin(args, _):
    client = ck_admin.AdminClient(config(args))
    seconds = args.timeout_ms / 1000
    if args.action == "describe-topic":
        found = client.describe_topics(ck.TopicCollection([args.topic]))[args.topic].result(seconds)
        return cli.description(args.topic, {partition.id: partition.leader.id for partition in found.partitions})
    elif args.action == "create-topic":
        answers = client.create_topics([ck_admin.NewTopic(args.topic, args.partitions)])
    else:
        answers = client.delete_topics([args.topic])
    answers[args.topic].result(seconds)
    cli.line(ok=True)


if __name__ == "__main__":
    cli.main({"produce": produce, "consume": consume, "offsets-for-time": offsets_for_time, "admin": admin}, name)

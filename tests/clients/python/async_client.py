"""The Python client of the tests on aiokafka (the protocol in Python, for asyncio)."""

import asyncio
import time

import aiokafka
from aiokafka import admin as aio_admin
from aiokafka import errors, helpers

import cli

TIMESTAMP_TYPES = {0: "CreateTime", 1: "LogAppendTime"}
NAMES = {"MESSAGE_SIZE_TOO_LARGE": "MESSAGE_TOO_LARGE"}


def name(error):
    if isinstance(error, (errors.KafkaTimeoutError, errors.RequestTimedOutError, TimeoutError)):
        return "CLIENT_TIMEOUT"
    if isinstance(error, errors.CorruptRecordException):
        return "CORRUPT_MESSAGE"
    if getattr(error, "errno", -1) > 0 and hasattr(error, "message"):
        return NAMES.get(error.message, error.message)
    return "_" + type(error).__name__


def config(args, **own):
    """Properties have aiokafka's names, but for the files of TLS, which have kafka-python's: aiokafka wants a context of them."""
    own = {key: value for key, value in own.items() if value is not None}
    properties = dict(args.property)
    files = {key: properties.pop(f"ssl_{key}") for key in ("cafile", "certfile", "keyfile") if f"ssl_{key}" in properties}
    if files:
        own["ssl_context"] = helpers.create_ssl_context(**files)
    return {"bootstrap_servers": args.bootstrap, **own, **properties}


def command(run):
    """A command of the command line from a coroutine."""
    return lambda args, records: asyncio.run(run(args, records))


async def produce(args, records):
    acks = args.acks if args.acks == "all" else int(args.acks)
    producer = aiokafka.AIOKafkaProducer(**config(
        args, acks=acks, linger_ms=int(args.linger), compression_type=None if args.codec == "none" else args.codec,
        enable_idempotence=args.idempotent == "true", max_batch_size=int(args.batch_bytes or 16384),
        transactional_id=args.transactional_id, request_timeout_ms=args.timeout_ms // 2))
    await producer.start()
    try:
        if args.transactional_id:
            await producer.begin_transaction()
        answers = [await send(producer, args.topic, record) for record in records]
        await producer.flush()
        for answer in answers:
            try:
                sent = answer if isinstance(answer, Exception) else await asyncio.wait_for(answer, args.timeout_ms / 1000)
            except (errors.KafkaError, TimeoutError) as error:
                sent = error
            if isinstance(sent, Exception):
                cli.note(repr(sent))
                cli.line(error=name(sent))
            else:
                cli.line(partition=sent.partition, offset=sent.offset)
        if args.transactional_id and args.outcome == "commit":
            await producer.commit_transaction()
        elif args.transactional_id:
            await producer.abort_transaction()
    finally:
        await producer.stop()


async def send(producer, topic, record):
    try:
        return await producer.send(
            topic, key=cli.decode(record.get("key")), value=cli.decode(record.get("value")),
            headers=cli.headers_of(record), partition=record.get("partition"), timestamp_ms=record.get("timestamp"))
    except (errors.KafkaError, TypeError) as error:
        return error


async def consume(args, _):
    if args.group and args.count is None:
        raise ValueError("--group needs --count")
    deadline = time.monotonic() + args.timeout_ms / 1000
    consumer = aiokafka.AIOKafkaConsumer(**config(
        args, group_id=args.group, isolation_level=args.isolation, auto_offset_reset="earliest", enable_auto_commit=False,
        fetch_max_wait_ms=100))
    if args.group:
        consumer.subscribe([args.topic])
    await consumer.start()
    try:
        ends = {} if args.group else await assign(consumer, args)
        return await read(consumer, args, ends, deadline)
    finally:
        await consumer.stop()


async def read(consumer, args, ends, deadline):
    left, done, seen = args.count, {}, set()
    while left != 0 and (args.count is not None or await unfinished(consumer, ends)):
        if time.monotonic() > deadline:
            return 3
        try:
            batch = await consumer.getmany(timeout_ms=100, max_records=min(left or 500, 500))
        except errors.KafkaError as error:
            if name(error) not in seen:
                seen.add(name(error))
                cli.note(repr(error))
                cli.line(error=name(error))
            await asyncio.sleep(0.1)
            continue
        for partition, records in batch.items():
            for record in records:
                print_record(record)
                done[partition] = record.offset + 1
                left = left - 1 if left is not None else None
    if args.group:
        await consumer.commit(done)
        if args.hold:
            await asyncio.to_thread(cli.await_end)


async def unfinished(consumer, ends):
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return True
    return False


async def assign(consumer, args):
    """Returns the end of each partition."""
    partitions = {int(args.partition)} if args.partition != "all" else await partitions_of(args)
    partitions = [aiokafka.TopicPartition(args.topic, p) for p in partitions]
    consumer.assign(partitions)
    if args.offset is None:
        await consumer.seek_to_beginning(*partitions)
    else:
        for partition in partitions:
            consumer.seek(partition, args.offset)
    return await consumer.end_offsets(partitions)


async def partitions_of(args):
    """A consumer knows the partitions of those topics only that it has joined, so an administrator is asked."""
    return set(await leaders_of(args))


async def leaders_of(args):
    client = aio_admin.AIOKafkaAdminClient(**config(args))
    await client.start()
    try:
        [topic] = await client.describe_topics([args.topic])
    finally:
        await client.close()
    if topic["error_code"]:
        raise errors.for_code(topic["error_code"])
    return {p["partition"]: p["leader"] for p in topic["partitions"]}


def print_record(record):
    cli.line(
        partition=record.partition, offset=record.offset, timestamp=record.timestamp,
        timestampType=TIMESTAMP_TYPES.get(record.timestamp_type, "NoTimestampType"),
        key=cli.encode(record.key), value=cli.encode(record.value),
        headers=[[key, cli.encode(value)] for key, value in record.headers])


async def offsets_for_time(args, _):
    consumer = aiokafka.AIOKafkaConsumer(**config(args))
    await consumer.start()
    try:
        partition = aiokafka.TopicPartition(args.topic, args.partition)
        found = (await consumer.offsets_for_times({partition: args.timestamp}))[partition]
    finally:
        await consumer.stop()
    cli.line(offset=None if found is None else found.offset)


async def admin(args, _):
    if args.action == "describe-topic":
        return cli.description(args.topic, await leaders_of(args))
    client = aio_admin.AIOKafkaAdminClient(**config(args))
    await client.start()
    try:
        if args.action == "create-topic":
            answer = await client.create_topics([aio_admin.NewTopic(args.topic, args.partitions, 1)], timeout_ms=args.timeout_ms)
            failed = [error for _, error, *_ in answer.topic_errors if error]
        else:
            answer = await client.delete_topics([args.topic], timeout_ms=args.timeout_ms)
            failed = [error for _, error, *_ in answer.topic_error_codes if error]
    finally:
        await client.close()
    if failed:
        raise errors.for_code(failed[0])
    cli.line(ok=True)


if __name__ == "__main__":
    commands = {"produce": produce, "consume": consume, "offsets-for-time": offsets_for_time, "admin": admin}
    cli.main({name: command(run) for name, run in commands.items()}, name)

"""The command line that the Python clients share; ../README.md describes it."""

import argparse
import base64
import json
import sys


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def decode(text):
    return None if text is None else base64.b64decode(text)


def headers_of(record):
    return [(name, decode(value)) for name, value in record.get("headers") or []]


def line(**fields):
    print(json.dumps(fields), flush=True)


def note(text):
    print(f"client: {text}", file=sys.stderr, flush=True)


def parser():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--bootstrap", required=True)
    common.add_argument("--topic", required=True)
    common.add_argument("--timeout-ms", type=int, default=20000)
    common.add_argument("--property", action="append", default=[])
    top = argparse.ArgumentParser()
    commands = top.add_subparsers(dest="command", required=True)
    produce = commands.add_parser("produce", parents=[common])
    produce.add_argument("--codec", default="none")
    produce.add_argument("--acks", default="all")
    produce.add_argument("--idempotent")
    produce.add_argument("--linger", default="5")
    produce.add_argument("--batch-bytes")
    produce.add_argument("--in-flight")
    produce.add_argument("--transactional-id")
    produce.add_argument("--outcome", choices=["commit", "abort"], default="commit")
    consume = commands.add_parser("consume", parents=[common])
    consume.add_argument("--partition", default="all")
    consume.add_argument("--group")
    consume.add_argument("--count", type=int)
    consume.add_argument("--isolation", default="read_uncommitted")
    consume.add_argument("--offset", type=int)
    consume.add_argument("--hold")
    at = commands.add_parser("offsets-for-time", parents=[common])
    at.add_argument("--partition", type=int, default=0)
    at.add_argument("--timestamp", type=int, required=True)
    admin = commands.add_parser("admin", parents=[common])
    admin.add_argument("action", choices=["create-topic", "describe-topic", "delete-topic"])
    admin.add_argument("--partitions", type=int, default=1)
    return top


def parse(argv):
    args = parser().parse_args(argv)
    args.property = dict(pair.split("=", 1) for pair in args.property)
    if args.command == "produce" and args.idempotent is None:
        args.idempotent = "true" if args.acks == "all" else "false"
    return args


def await_end():
    """What --hold waits for before a member leaves its group."""
    sys.stdin.read()


def description(topic, leaders):
    """Prints the partitions of a topic, given the leader of each."""
    line(name=topic, partitions=[{"partition": partition, "leader": leader} for partition, leader in sorted(leaders.items())])


def main(commands, error_name):
    """Runs one command, or with "serve" one for each line of the input."""

    def run(argv, records):
        try:
            args = parse(argv)
            return commands[args.command](args, records) or 0
        except SystemExit:
            return 64
        except Exception as error:  # whatever a client raises is this command's result
            note(repr(error))
            line(error=error_name(error))
            return 1

    if sys.argv[1:] != ["serve"]:
        sys.exit(run(sys.argv[1:], (json.loads(text) for text in sys.stdin)))
    for text in sys.stdin:
        words = json.loads(text)
        inline = next((word for word in words if isinstance(word, dict)), {})
        line(done=run([word for word in words if isinstance(word, str)], inline.get("records", [])))

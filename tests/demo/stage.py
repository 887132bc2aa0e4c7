"""What the demo runs: a broker, the proxy and clients, all on the loopback interface, and nothing of it stays."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import secrets
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RIG = ROOT / "tests/rig"
PROVIDER = "default"
# Removes everything once the demo lets go of the pipe, however it ended. $1 is the process group of all others.
REAPER = """
trap '' INT TERM HUP
read -r _
kill -s KILL -- "-$1"
until rm -rf -- "$2"; do sleep 0.1; done
"""


class Failure(Exception):
    """A promise that does not hold, or a part that does not work."""


def rig():
    """Where `tests/rig/setup demo` put things."""
    return dict(line.split("=", 1) for line in subprocess.check_output([RIG / "setup", "env"], text=True).splitlines())


def binary(variable, name):
    """Where the build puts it, or what the environment names."""
    default = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / name
    return pathlib.Path(os.environ.get(variable) or default).resolve()


def free_ports(count):
    """Below 32768, where Linux takes no port for an outgoing connection."""
    ports = []
    for port in random.sample(range(20000, 32000), 1000):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise Failure("no free ports between 20000 and 32000")


def living(group):
    """Whether a process of the group lives, other than as an entry that its parent has yet to collect."""
    for file in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group, *_ = file.read_text(errors="replace").rpartition(")")[2].split()
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Stage:
    """A folder and a process group. Both are gone at the end, even if the demo itself is killed.

    The end of a child that must not end is a Failure at once, whatever the demo waits for.
    """

    nothing_left = "No process and no file of the demo is left"

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="topic-encryption-demo-"))
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        # Its only duty is to keep the number of the group.
        self.anchor = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, preexec_fn=os.setpgrp)
        self.children, self.vital = [self.anchor], {}
        self.reaper = subprocess.Popen(
            ["sh", "-c", REAPER, "reaper", str(self.anchor.pid), self.folder],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        signal.signal(signal.SIGCHLD, self.child_ended)

    def start(self, name, argv, vital=False, **options):
        """A child of the group; what it says on standard error, and else would print, goes to its log."""
        group = self.anchor.pid
        with open(self.logs / f"{name}.log", "ab") as log:
            options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **options}
            argv = [str(word) for word in argv]
            child = subprocess.Popen(argv, preexec_fn=lambda: os.setpgid(0, group), **options)
            self.children.append(child)
            if vital:
                self.vital[name] = child
            return child

    def run(self, name, argv, **options):
        code = self.start(name, argv, **options).wait()
        if code:
            raise Failure(f"{' '.join(map(str, argv))} ended with code {code}")

    def close(self):
        """Returns whether nothing is left."""
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.reaper.stdin.close()
        self.reaper.wait()
        with contextlib.suppress(subprocess.TimeoutExpired):
            for child in self.children:
                child.wait(timeout=5)
        return not self.folder.exists() and not living(self.anchor.pid)

    def child_ended(self, *_):
        for name, child in list(self.vital.items()):
            if child.poll() is not None:
                self.vital.clear()
                raise Failure(f"the {name} ended with code {child.returncode}")

    def stop(self, name):
        """Returns the exit code."""
        child = self.vital.pop(name)
        child.terminate()
        return child.wait(timeout=10)

    def last_words(self, lines=12):
        """The end of each log that has anything."""
        for log in sorted(self.logs.glob("*.log")):
            text = re.sub(r"\033\[[0-9;]*m", "", log.read_text(errors="replace")).splitlines()
            if text:
                yield log.stem, text[-lines:]


class Broker:
    """One KRaft node, broker and controller, by the rig."""

    def __init__(self, stage, port, controller_port):
        self.address, self.data = f"127.0.0.1:{port}", stage.folder / "kafka"
        self.logs = self.data / "0/logs"
        settings = {"KAFKA_DATA": self.data, "KAFKA_PORT": port, "KAFKA_CONTROLLER_PORT": controller_port}
        env = {**os.environ, **{name: str(value) for name, value in settings.items()}}
        stage.run("rig", [RIG / "kafka", "format"], env=env)
        stage.start("broker", [RIG / "kafka", "run", "0"], vital=True, env=env)
        self.wait = lambda: stage.run("rig", [RIG / "kafka", "wait", "0"], env=env)

    def partitions(self, topic):
        return sorted(self.logs.glob(f"{topic}-[0-9]*"))

    def bytes_at_rest(self, topic):
        return sum(file.stat().st_size for folder in self.partitions(topic) for file in folder.glob("*.log"))


class Proxy:
    """The proxy as a user runs it: two files, a folder of keys, one process."""

    def __init__(self, stage, binary, upstream, port, broker_port, admin_port):
        self.address, self.folder = f"127.0.0.1:{port}", stage.folder / "proxy"
        self.stage, self.binary, self.admin_port = stage, binary, admin_port
        self.policy = self.folder / "policy.yaml"
        self.config = self.folder / "proxy.yaml"
        (self.folder / "keys").mkdir(parents=True, mode=0o700)
        self.config.write_text(
            "cluster: demo\n"
            f"upstream: {{bootstrapServers: [\"{upstream}\"]}}\n"
            "listeners:\n"
            f"  - name: plain\n    bind: {self.address}\n    advertisedHost: 127.0.0.1\n"
            f"    brokerPorts: {{start: {broker_port}, count: 1}}\n"
            f"keyProviders: {{{PROVIDER}: {{local: {{directory: keys/}}}}}}\n"
            "policy: {file: policy.yaml}\n"
            f"admin: {{bind: \"127.0.0.1:{admin_port}\"}}\n"
            "drain: {seconds: 5}\n")

    def add_key(self, name):
        """32 random bytes in base64. The rename lets the proxy see all of the file or nothing."""
        self._replace(self.folder / f"keys/{name}.v1", base64.b64encode(secrets.token_bytes(32)).decode() + "\n")

    def write_policy(self, text):
        self._replace(self.policy, text)

    def _replace(self, file, text):
        new = self.folder / f".{file.name}.new"
        new.touch(mode=0o600)
        new.write_text(text)
        new.rename(file)

    def start(self):
        self.stage.start("proxy", [self.binary, "run", "--config", self.config], vital=True)
        until(self._ready, 30, "the proxy becomes ready")

    def _ready(self):
        with contextlib.suppress(OSError):
            return self._get("/readyz")[0] == 200

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def admin(self, path):
        status, body = self._get(path)
        if status != 200:
            raise Failure(f"{path} answered {status}: {body.strip()}")
        return body

    def loaded_policy(self):
        return json.loads(self.admin("/policy"))

    def metrics(self):
        return Metrics(self.admin("/metrics"))


class Metrics:
    """A scrape."""

    def __init__(self, text):
        self.series = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                self.series[name.removeprefix("topic_encryption_")] = float(value)

    def sum(self, family, label=""):
        found = [value for name, value in self.series.items() if name.split("{")[0] == family and label in name]
        if not found:
            raise Failure(f"the metrics have no {family}")
        return int(sum(found))


class JavaClient:
    """kafka-clients, one process for all commands. See tests/clients/README.md."""

    def __init__(self, stage, *program):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = stage.start("Java client", [*program, "serve"], vital=True, text=True, **pipes)

    def run(self, *words, **inline):
        words = [str(word) for word in words]
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps([*words, inline]) + "\n")
            self.process.stdin.flush()
        answers = []
        for line in self.process.stdout:
            answer = json.loads(line)
            if "done" in answer:
                errors = sorted({each["error"] for each in answers if "error" in each})
                if errors or answer["done"]:
                    why = ", ".join(errors) or f"exit code {answer['done']}"
                    raise Failure(f"the Java client failed at {' '.join(words[:6])}: {why}")
                return answers
            answers.append(answer)
        raise Failure("the Java client ended")

    def create_topic(self, bootstrap, topic, partitions):
        """A broker names a new partition's leader a moment before that leader takes records. Of two batches in flight it
        may then refuse the first and take the second, and a retry can never mend that. ListOffsets waits for the leader."""
        self.run("admin", "create-topic", "--bootstrap", bootstrap, "--topic", topic, "--partitions", partitions)
        self.run("admin", "list-offsets", "--bootstrap", bootstrap, "--topic", topic)

    def produce(self, bootstrap, topic, codec, records):
        """Returns where each record went."""
        sent = [record.json() for record in records]
        answers = self.run("produce", "--bootstrap", bootstrap, "--topic", topic, "--codec", codec, records=sent)
        return [(answer["partition"], answer["offset"]) for answer in answers]

    def consume(self, bootstrap, topic):
        """Every record from the beginning, by partition and offset."""
        answers = self.run("consume", "--bootstrap", bootstrap, "--topic", topic)
        records = {}
        for answer in answers:
            place = answer["partition"], answer["offset"]
            if place in records:
                raise Failure(f"{topic}: {place} was read twice")
            headers = tuple((name, decode(value)) for name, value in answer["headers"])
            records[place] = Record(decode(answer["key"]), decode(answer["value"]), headers)
        return records

    def search(self, needles, folders):
        """Which needles were found, where, and what was read."""
        *lines, totals = self.run("segments", "search", *folders, needles=[encode(needle) for needle in needles])
        return [line["where"] for line in lines], totals["totals"]


class Record:
    """What a record says, and nothing about where it is."""

    def __init__(self, key, value, headers):
        self.key, self.value, self.headers = key, value, tuple(headers)

    def __eq__(self, other):
        return (self.key, self.value, self.headers) == (other.key, other.value, other.headers)

    def json(self):
        headers = [[name, encode(value)] for name, value in self.headers]
        return {"key": encode(self.key), "value": encode(self.value), "headers": headers}

    def header(self, name):
        return dict(self.headers).get(name)

    def bytes(self):
        """All of it in one, with a byte between the parts that no canary has."""
        parts = [self.key, self.value, *(part for name, value in self.headers for part in (name.encode(), value))]
        return b"\0".join(part or b"" for part in parts)


class LiveProducer:
    """kcat that is fed for as long as the demo wants, from a thread: `line(n)` is the n-th record."""

    def __init__(self, stage, argv, line, burst=20, pause=0.01):
        self.process = stage.start("producer", argv, stdin=subprocess.PIPE)
        self.sent, self.line, self.burst, self.pause = 0, line, burst, pause
        self.enough = threading.Event()
        self.thread = threading.Thread(target=self._feed, daemon=True)
        self.thread.start()

    def _feed(self):
        with contextlib.suppress(BrokenPipeError), self.process.stdin as pipe:
            while not self.enough.wait(self.pause):
                first = self.sent
                # Counted first: whoever reads the count knows that no later record was sent before.
                self.sent += self.burst
                pipe.write("".join(self.line(n) for n in range(first, self.sent)).encode())
                pipe.flush()

    def finish(self):
        """Every record is acknowledged when this returns."""
        self.enough.set()
        self.thread.join(20)
        if self.process.wait(timeout=30):
            raise Failure(f"the producer ended with code {self.process.returncode}")


class LiveConsumer:
    """kcat whose records, (partition, offset, key, value), gather in `read`."""

    def __init__(self, stage, argv):
        self.process = stage.start("consumer", argv, vital=True, stdout=subprocess.PIPE, text=True)
        self.read = []
        threading.Thread(target=self._gather, daemon=True).start()

    def _gather(self):
        for line in self.process.stdout:
            partition, offset, key, value = line.rstrip("\n").split("\t", 3)
            self.read.append((int(partition), int(offset), key, value))


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def decode(text):
    return None if text is None else base64.b64decode(text)

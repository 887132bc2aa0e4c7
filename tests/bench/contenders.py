"""The ways to the broker that are compared. Each is a name, an address, and a process of its own or none."""

import base64
import http.client
import os
import re
import shutil

from processes import BenchError, Process, call, port_open
from settings import HERE, RIG, ROOT


# How much the contender `renew` seals with a data key.
RENEW_BYTES = 1 << 20


class Contender:
    """`encrypts`: what the broker stores must not be what the producer sent. `kinds`: the runs that it takes part in."""

    def __init__(self, name, port, process=None, encrypts=False, topic_prefix="bench-", kinds=("throughput", "latency")):
        self.kinds = kinds
        self.name, self.process, self.encrypts, self.topic_prefix = name, process, encrypts, topic_prefix
        self.bootstrap = f"127.0.0.1:{port}"
        self.dropped = None  # why it takes no further part


class Ports:
    """All ports of the harness, each on the loopback interface."""

    def __init__(self, settings):
        base = settings.bench_port
        self.broker, self.controller, self.relay_back, self.relay = base + 10, base + 20, base + 30, base + 40
        self.ours = {"encrypt": (base + 92, base + 100, settings.admin_port),
                     "pass": (base + 192, base + 200, settings.admin_port + 1),
                     "renew": (base + 50, base + 52, settings.admin_port + 2)}  # bootstrap, first broker, admin
        self.peer = {"encrypt": (base + 300, base + 390), "pass": (base + 400, base + 490)}  # bootstrap, management

    def check_free(self):
        flat = [self.broker, self.controller, self.relay_back, self.relay]
        for ports in (*self.ours.values(), *self.peer.values()):
            flat += ports
        taken = [str(p) for p in flat if port_open(p)]
        if taken:
            raise BenchError(f"ports in use: {', '.join(taken)}; does another run go on? Else set BENCH_PORT or ADMIN_PORT.")


def start_broker(settings, ports, data, logs):
    """One Kafka node of the test rig, with a second listener that advertises the relay's address."""
    env = {"KAFKA_DATA": str(data), "KAFKA_NODES": "1", "KAFKA_PORT": str(ports.broker),
           "KAFKA_CONTROLLER_PORT": str(ports.controller), "KAFKA_RELAY_PORT": str(ports.relay_back),
           "KAFKA_RELAY_ADVERTISED": str(ports.relay), "KAFKA_HEAP": "-Xms1g -Xmx1g", "KAFKA_PROPERTIES": "",
           "KAFKA_TLS_PORT": "", "KAFKA_SASL_PORT": "", "KAFKA_USERS": "",
           # The rig's collector is the one for a small start; a loaded broker runs with Kafka's own choice.
           "KAFKA_JVM": "-XX:-UseSerialGC -XX:+UseG1GC -XX:MaxGCPauseMillis=20"}
    broker = Process("broker", [RIG / "kafka", "run", "0"], logs / "broker.log", env)
    broker.await_ready(lambda: port_open(ports.broker))
    call([RIG / "kafka", "wait"], f"the broker is not ready: see {broker.log}", env={**os.environ, **env})
    return broker


def start_relay(ports, run_dir, logs):
    """HAProxy as a plain TCP relay: what any proxy costs at least."""
    haproxy = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not haproxy:
        raise BenchError("haproxy is missing (Debian: apt-get install haproxy)")
    config = run_dir / "haproxy.cfg"
    config.write_text(f"""\
global
  nbthread {os.cpu_count()}
  maxconn 1000
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen kafka
  bind 127.0.0.1:{ports.relay}
  server broker 127.0.0.1:{ports.relay_back}
""")
    process = Process("relay", [haproxy, "-db", "-f", config], logs / "relay.log")
    process.await_ready(lambda: port_open(ports.relay))
    return Contender("relay", ports.relay, process)


def proxy_binary(settings):
    """PROXY_BIN as it is; otherwise cargo decides whether the release build is up to date."""
    if settings.proxy_bin:
        if not os.access(settings.proxy_bin, os.X_OK):
            raise BenchError(f"PROXY_BIN={settings.proxy_bin} is not a program")
        return os.path.abspath(settings.proxy_bin)
    call(["cargo", "build", "--locked", "--release", "-p", "proxy"], "the proxy does not build", cwd=ROOT)
    target = os.environ.get("CARGO_TARGET_DIR") or ROOT / "target"
    return os.path.join(ROOT, target, "release", "topic-encryption-proxy")


def start_ours(mode, binary, ports, run_dir, logs):
    """Our proxy, `encrypt` and `pass` from the same policy: the topic's name decides, and one process each keeps CPU and memory apart.
    `renew` encrypts with a new data key after every MiB, and takes part where latencies are measured."""
    port, first_broker, admin = ports.ours[mode]
    home = run_dir / f"proxy-{mode}"
    (home / "keys").mkdir(parents=True)
    key = home / "keys" / "bench.v1"
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    key.chmod(0o600)
    (home / "policy.yaml").write_text("""\
unmatchedTopics: Passthrough
rules:
  - topics: [{prefix: "enc-"}]
    key: {name: bench}
""")
    (home / "proxy.yaml").write_text(f"""\
cluster: bench
upstream: {{bootstrapServers: ["127.0.0.1:{ports.broker}"]}}
listeners:
  - {{name: plain, bind: "127.0.0.1:{port}", advertisedHost: 127.0.0.1, brokerPorts: {{start: {first_broker}, count: 8}}}}
keyProviders: {{default: {{local: {{directory: keys/}}}}}}
policy: {{file: policy.yaml}}
keys: {{maxBytes: {RENEW_BYTES if mode == "renew" else 64 << 30}}}
admin: {{bind: "127.0.0.1:{admin}"}}
""")
    process = Process(mode, [binary, "run", "--config", "proxy.yaml"], logs / f"proxy-{mode}.log", cwd=home)
    process.await_ready(lambda: http_ok(admin, "/readyz"))
    encrypts = mode != "pass"
    kinds = ("latency",) if mode == "renew" else ("throughput", "latency")
    return Contender(mode, port, process, encrypts=encrypts, topic_prefix="enc-" if encrypts else "clear-", kinds=kinds)


def data_keys(contender):
    """How many the proxy has taken into use, as its audit log tells."""
    return contender.process.log.read_text().count('"event":"dataKeyInUse"')


def http_ok(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def fetch_peer(settings):
    """Kroxylicious' runtime from Maven Central, and a main class for it: its app artifact is not published there."""
    home, source = settings.cache / "kroxylicious", HERE / "kroxylicious"
    stamp, want = home / "pom.xml", (source / "pom.xml").read_text()
    if not stamp.exists() or stamp.read_text() != want:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        call(["mvn", "-q", "-B", "-Dstyle.color=never", "-f", source / "pom.xml", "-DincludeScope=runtime",
              f"-DoutputDirectory={home}/libs", "dependency:copy-dependencies"], "Maven could not fetch Kroxylicious")
        stamp.write_text(want)
    call(["javac", "--release", "17", "-cp", f"{home}/libs/*", "-d", home / "classes", source / "Run.java"],
         "kroxylicious/Run.java does not compile")
    return home


def peer_version():
    return re.search(r"<kroxylicious.version>(.*)</", (HERE / "kroxylicious" / "pom.xml").read_text())[1]


def start_peer(mode, home, ports, run_dir, logs):
    """The peer with the heap that was best for it of those tried: Java 17 or later, 512 MiB."""
    port, management = ports.peer[mode]
    files = ["proxy.yaml", "encryption.yaml"] if mode == "encrypt" else ["proxy.yaml"]
    text = "".join((HERE / "kroxylicious" / name).read_text() for name in files)
    text = text.replace("@PORT@", str(port)).replace("@MANAGEMENT@", str(management)).replace("@BROKER@", str(ports.broker))
    config = run_dir / f"peer-{mode}.yaml"
    config.write_text(text)
    process = Process(f"peer-{mode}", [
        os.environ.get("JAVA", "java"), "-Xms512m", "-Xmx512m", f"-Dlog4j2.configurationFile={RIG / 'log4j2.yaml'}",
        "-cp", f"{home}/classes:{home}/libs/*", "Run", config], logs / f"peer-{mode}.log", env={"RIG_LOG_LEVEL": "WARN"})
    process.await_ready(lambda: port_open(port))
    return Contender(f"peer-{mode}", port, process, encrypts=mode == "encrypt")


def start_all(settings, ports, run_dir, logs, keep):
    """Starts the contenders in the order of the tables. `keep` takes each process, to stop it at the end."""
    def started(contender):
        if contender.process:
            keep(contender.process)
        return contender

    unknown = set(settings.contenders) - {"direct", "relay", "encrypt", "renew", "pass"}
    if unknown:
        raise BenchError(f"unknown contenders: {' '.join(sorted(unknown))}")
    contenders = []
    if "direct" in settings.contenders:
        contenders.append(Contender("direct", ports.broker))
    if "relay" in settings.contenders:
        contenders.append(started(start_relay(ports, run_dir, logs)))
    ours = [m for m in ("encrypt", "renew", "pass") if m in settings.contenders]
    binary = proxy_binary(settings) if ours else None
    for mode in ours:
        contenders.append(started(start_ours(mode, binary, ports, run_dir, logs)))
    if settings.peer:
        home = fetch_peer(settings)
        for mode in ("encrypt", "pass"):
            contenders.append(started(start_peer(mode, home, ports, run_dir, logs)))
    return contenders

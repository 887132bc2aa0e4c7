"""The story of the demo on Kubernetes, step by step. Everything it says it has checked."""

import collections
import hashlib
import json
import pathlib
import shutil
import sys
import time

import cluster
import demo
import play
import show
import stage
from cluster import CLUSTER, NAMESPACE, STAND_IN
from play import check
from stage import Failure, until

SAMPLE = stage.ROOT / "deploy/samples/10-policy.yaml"
CHART = stage.ROOT / "helm/topic-encryption-operator"
PROGRAMS = {"PROXY_BIN": "topic-encryption-proxy", "OPERATOR_BIN": "topic-encryption-operator"}
KAFKA, POLICY = "my-cluster", "payments"
FLEET = f"{KAFKA}-encryption"
BOOTSTRAP, BROKER = f"{FLEET}-bootstrap.{NAMESPACE}.svc:9092", f"{KAFKA}-kafka-bootstrap.{NAMESPACE}.svc:9093"
PODS = f"app.kubernetes.io/name=topic-encryption-proxy,app.kubernetes.io/instance={KAFKA}"
# What the policy says of them: the first two are encrypted, the third is not, and of the fourth only its edit speaks.
SECRET, LIVE, CLEAR, LATER = "payments.orders", "payments.live", "payments.public.orders", "invoices.2026"
PARTITIONS = 3
RULE = {"topics": [{"prefix": "invoices."}], "key": {"name": "invoices"}}


def main():
    start = time.monotonic()
    return play.perform(cluster.Cluster, lambda place: Story(place, prepared()).tell(start))


def prepared():
    """The programs."""
    programs = [stage.binary(variable, name) for variable, name in PROGRAMS.items()]
    for program in programs:
        if not program.is_file():
            raise Failure(f"no program at {program}: run `make demo-kubernetes`, or cargo build --release -p proxy -p operator")
    for file, part in ((cluster.folder()[0] / "bin/kubelet", "Kubernetes"), (stage.rig()["KAFKA_LIBS"], "Kafka")):
        if not pathlib.Path(file).exists():
            raise Failure(f"{part} is not there yet: run `make demo-kubernetes`, or tests/rig/setup demo-kubernetes")
    return programs


class Client(stage.JavaClient):
    """In the cluster's network; it trusts what the fleet's ConfigMap says, and for the look at the broker Strimzi's authority."""

    def __init__(self, place, *authorities):
        trust = place.folder / "trust.pem"
        trust.write_text("".join(authorities))
        properties = {"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.location": trust}
        self.trust = [word for name, value in properties.items() for word in ("--property", f"{name}={value}")]
        super().__init__(place, CLUSTER, "exec", stage.rig()["JAVA_CLIENT"])

    def run(self, *words, **inline):
        return super().run(*words, *(self.trust if "--bootstrap" in words else []), **inline)


class Story:
    def __init__(self, place, programs):
        self.place, self.programs, self.summary = place, programs, {}
        self.orders, self.ca = demo.Orders("zstd"), place.folder / "ca.crt"

    def tell(self, start):
        show.headline("Strimzi Topic Encryption on Kubernetes: a policy of ten lines, and what becomes of it")
        with show.step(1, "A Kubernetes of one node, in namespaces of its own", "Kubernetes"):
            self.start()
        with show.step(2, "A Kafka cluster, laid out as Strimzi does it, and the operator by its chart", "Kafka and operator"):
            self.install()
        with show.step(3, "The policy, and nothing else: the operator makes a fleet of proxies of it", "fleet"):
            self.apply()
        with show.step(4, "Clients write and read through the fleet, and the broker keeps ciphertext", "records"):
            self.records()
        with show.step(5, "An edit of the policy, while clients go on: every proxy takes it up, and no pod restarts", "edit"):
            self.edit()
        with show.step(6, "The policy is deleted: nothing becomes clear, and nothing is lost", "deletion"):
            self.delete()
        self.sum_up(time.monotonic() - start)

    # 1

    def start(self):
        self.packing = self.place.begin(cluster.RIG / "images/build", *self.copies())  # meanwhile
        self.place.start_node()
        self.place.exec("kubectl", "create", "namespace", NAMESPACE)
        self.place.shown("get", "nodes")

    def copies(self):
        """So that what is packed lies in the demo's folder, under its own name and its profile's, for which sizes have a limit."""
        for program, name in zip(self.programs, PROGRAMS.values()):
            folder = self.place.folder / pathlib.Path(program).resolve().parent.name
            folder.mkdir(exist_ok=True)
            yield shutil.copy(program, folder / name)

    # 2

    def install(self):
        place = self.place
        place.run(cluster.RIG / "strimzi/install", says="importing Strimzi's definitions and a broker's image")
        broker = place.begin(STAND_IN, "create", NAMESPACE, KAFKA, "--brokers", "1", "--listeners", "tls")
        packed = [line.split() for line in place.finish(self.packing, says="packing images").splitlines()]
        place.run(CLUSTER, "load", *(file for _, file, _ in packed), says="importing images")
        proxy, operator = ({"registry": "rig.test", "tag": image.rsplit(":", 1)[1]} for image, _, _ in packed)
        values = place.folder / "values.yaml"
        values.write_text(json.dumps({"defaultImageRepository": "", "image": operator, "proxy": {"image": proxy}}))
        install = ["helm", "install", "topic-encryption", "--namespace", NAMESPACE, "--wait"]
        cluster.typed([*install, CHART.relative_to(stage.ROOT), "--values", "values.yaml"])
        place.exec(*install, CHART, "--values", values, says="installing the chart")
        place.finish(broker, says="starting the broker")
        place.shown("get", "kafka,pods")
        sizes = {image.split("/")[1].split(":")[0]: f"{int(size) / 1e6:.0f} MB" for image, _, size in packed}
        show.promise("values.yaml names the images, which were packed here: " + ", ".join(f"{n}, {s}" for n, s in sizes.items()))

    # 3

    def apply(self):
        show.code(SAMPLE.read_text(), str(SAMPLE.relative_to(stage.ROOT)))
        start = time.monotonic()
        cluster.typed(["kubectl", "apply", "-f", SAMPLE.relative_to(stage.ROOT)])
        self.place.kubectl("apply", "-f", SAMPLE)
        took = self.wait_ready(start)
        self.place.shown("get", "tep")
        self.place.shown("get", "pods,services", "-l", PODS)
        self.summary["fleet"] = f"{took:.1f} s after the policy was applied"
        loaded = self.loaded()
        check(self.same(loaded),
              f"Ready {took:.1f} s after it was applied; each of the {len(loaded)} proxies says that it has loaded the same")

    def wait_ready(self, start):
        """It counts only for the policy as it now is: kubectl compares the generations. Returns the seconds."""
        words = ["wait", "--for=condition=Ready", f"tep/{POLICY}", "--timeout=60s"]
        cluster.typed(["kubectl", "--namespace", NAMESPACE, *words])
        self.place.kubectl(*words, says="every proxy loads it")
        return time.monotonic() - start

    def pods(self):
        return sorted(self.place.get("pods", "-l", PODS)["items"], key=lambda pod: pod["metadata"]["name"])

    def loaded(self):
        """What each pod says of the policy in force, by its name."""
        path = "/api/v1/namespaces/{}/pods/{}:8080/proxy/policy"
        names = [pod["metadata"]["name"] for pod in self.pods()]
        return {name: json.loads(self.place.exec("kubectl", "get", "--raw", path.format(NAMESPACE, name))) for name in names}

    def written(self):
        """The policy that the operator wrote for them."""
        return self.place.get("configmap", f"{FLEET}-config")["data"]["policy.yaml"]

    def same(self, loaded):
        wanted = hashlib.sha256(self.written().encode()).hexdigest()
        return {policy["hash"] for policy in loaded.values()} == {wanted}

    # 4

    def records(self):
        place = self.place
        show.say("Clients need two things, the address in the policy's status and whom to trust:")
        bundle = ["get", "configmap", f"{FLEET}-ca-cert", "-o", r"jsonpath={.data.ca\.crt}"]
        cluster.typed(["kubectl", "--namespace", NAMESPACE, *bundle])
        self.ca.write_text(place.kubectl(*bundle))
        strimzi = place.get("secret", f"{KAFKA}-cluster-ca-cert")["data"]["ca.crt"]
        self.client = Client(place, self.ca.read_text(), stage.decode(strimzi).decode())
        self.segments = pathlib.Path(place.run(STAND_IN, "segments", NAMESPACE, KAFKA, "0").strip())
        for topic in (SECRET, CLEAR):
            self.client.create_topic(BOOTSTRAP, topic, PARTITIONS)
            self.client.produce(BOOTSTRAP, topic, "zstd", self.orders.records)
        show.say(f"A stock Java client sends the same {demo.ORDERS} orders to {SECRET} and {CLEAR}; kcat reads:")
        self.read_all(SECRET, self.orders.records)
        for topic in (SECRET, CLEAR):
            seen, kept = (self.client.consume(address, topic) for address in (BOOTSTRAP, BROKER))
            first = min(seen)
            partitions = self.partitions(topic)
            demo.three_sides(self.client, topic, first, seen[first], kept[first], partitions, secret=topic == SECRET)
        self.search()

    def partitions(self, topic):
        return sorted(self.segments.glob(f"{topic}-[0-9]*"))

    def kcat(self, *words):
        return ["kcat", "-b", BOOTSTRAP, "-X", "security.protocol=ssl", "-X", f"ssl.ca.location={self.ca}", *words]

    def show_kcat(self, words):
        cluster.typed([str(word).replace(str(self.ca), "ca.crt") for word in words])

    def read_all(self, topic, records):
        words = self.kcat("-C", "-t", topic, "-e", "-q", "-f", r"%k\t%s\n")
        self.show_kcat(words)
        lines = self.place.exec(*words, seconds=30).splitlines()
        for line in lines[:2]:
            show.out("    " + show.fit(line.expandtabs(4), show.width() - 4).rstrip())
        wanted = sorted(f"{record.key.decode()}\t{record.value.decode()}" for record in records)
        check(sorted(lines) == wanted, f"All {len(lines)} records of {topic} came back as they were sent",
              f"{len(wanted)} were sent.")

    def search(self):
        """In the clear twin it must find everything, or it is no proof."""
        canaries = self.orders.canaries
        found = {}
        for topic in (CLEAR, SECRET):
            where, totals = self.client.search(canaries, self.partitions(topic))
            if totals["records"] != demo.ORDERS or totals["invalid"]:
                raise Failure(f"the search is no proof: of the {demo.ORDERS} records of {topic} it read {totals}")
            found[topic] = sum(map(bool, where))
        check(found[CLEAR] == len(canaries),
              f"The search works: in the segments of {CLEAR} it found all {len(canaries)} strings of keys, values and headers")
        check(found[SECRET] == 0, f"In those of {SECRET}, which got the same records, it found none")
        envelopes = demo.envelopes_of(self.client.consume(BROKER, SECRET)).values()
        names = ", ".join(sorted({envelope.key for envelope in envelopes}))
        check(sum(envelope.records for envelope in envelopes) == demo.ORDERS,
              f"All {demo.ORDERS} are in {len(envelopes)} envelopes, under the key {names}")
        self.summary["searched"] = f"{len(canaries)} strings: {found[SECRET]} found, in the clear twin {found[CLEAR]}"

    # 5

    def edit(self):
        place = self.place
        self.client.create_topic(BOOTSTRAP, LIVE, PARTITIONS)
        consume = self.kcat("-C", "-t", LIVE, "-o", "beginning", "-q", "-u", "-f", r"%p\t%o\t%k\t%s\n")
        produce = self.kcat("-P", "-t", LIVE, "-K", r"\t", "-q", "-X", "enable.idempotence=true")
        live = stage.LiveConsumer(place, [CLUSTER, "exec", *consume])
        producer = stage.LiveProducer(place, [CLUSTER, "exec", *produce], demo.live_line)
        until(lambda: live.read, 30, "a client writes and another reads")
        before, was = self.pods(), self.loaded()
        change = json.dumps([{"op": "add", "path": "/spec/rules/-", "value": RULE}])
        start, sent = time.monotonic(), producer.sent
        place.shown("patch", "tep", POLICY, "--type=json", f"--patch={change}")
        took = self.wait_ready(start)
        meanwhile, at = producer.sent - sent, len(live.read)
        place.shown("get", "tep")
        after, now = self.pods(), self.loaded()
        show.say("In steps, so that no proxy meets a key that it cannot use: each first tries the new key, then all encrypt.")
        show.table(["pod", "restarts", "started", "policy before", "policy now"], [
            [name, restarts, started, short(was[name]), short(now[name])] for name, _, started, restarts in map(identity, after)])
        self.summary["edit"] = f"in force in {len(now)}/{len(now)} proxies {took:.1f} s after it was made, no pod restarted"
        check(self.same(now) and [identity(pod) for pod in before] == [identity(pod) for pod in after],
              f"Loaded by {len(now)}/{len(was)} proxies {took:.1f} s after the edit; the pods are the same, and none has restarted")
        until(lambda: len(live.read) > at, 30, "clients go on")
        producer.finish()
        until(lambda: len(live.read) >= producer.sent, 30, "everything is read")
        place.stop("consumer")
        counts = collections.Counter(value for _, _, _, value in live.read)
        check(set(counts.values()) == {1} and len(counts) == producer.sent,
              f"Clients went on: {producer.sent:,} records of {LIVE} were sent, {meanwhile:,} of them during the edit, each read once")
        self.later()

    def later(self):
        self.client.create_topic(BOOTSTRAP, LATER, 1)
        self.client.produce(BOOTSTRAP, LATER, "none", self.orders.records[:1])
        [record] = self.client.consume(BROKER, LATER).values()
        envelope, key = record.header(demo.ENVELOPE), RULE["key"]["name"]
        encrypted = envelope and demo.Envelope(envelope).key == key
        check(encrypted, f"{LATER} is encrypted from its first record on, under the key {key}")

    # 6

    def delete(self):
        place, start = self.place, time.monotonic()
        place.shown("delete", "tep", POLICY)

        def retired():
            return "Retired" in self.written() and self.same(self.loaded())

        until(retired, 30, "every proxy has retired the rules")
        took = time.monotonic() - start
        names = ", ".join(pod["metadata"]["name"] for pod in self.pods())
        check(names, f"Known to every proxy {took:.1f} s after it was deleted; they run on, for those who read: {names}")
        words = self.kcat("-P", "-t", SECRET)
        self.show_kcat(words)
        code, said = place.exec(*words, text="late\n", ok=False, seconds=30)
        for line in said.splitlines():
            show.out("    " + line)
        check(code != 0 and "Policy violation" in said, "A write is refused")
        self.read_all(SECRET, self.orders.records)
        place.shown("get", f"secret/{FLEET}-keys", f"configmap/{FLEET}-ledger")
        show.promise("The keys and the ledger of what was ever encrypted belong to no policy and stay")

    # The end

    def sum_up(self, seconds):
        show.out()
        show.headline("In short")
        show.table(["what", "result"], [
            ["fleet of proxies ready", self.summary["fleet"]],
            ["found in the broker's files", self.summary["searched"]],
            ["an edit of the policy", self.summary["edit"]],
            ["policy deleted", "writes refused, reads decrypt"],
            ["time", f"{seconds:.1f} s: " + ", ".join(f"{name} {took:.1f}" for name, took in show.times)],
        ])
        show.say("Next: the README has the same for a cluster of your own. deploy/samples has more policies, operator/docs "
                 "what is made, merged and reported. `make demo-kubernetes KEEP=1` keeps the cluster, for a look round.")


def identity(pod):
    status = pod["status"]
    restarts = sum(container["restartCount"] for container in status["containerStatuses"])
    return pod["metadata"]["name"], pod["metadata"]["uid"], status["startTime"][11:19], restarts


def short(policy):
    return f"generation {policy['generation']}, hash {policy['hash'][:8]}{show.MORE}"


if __name__ == "__main__":
    sys.exit("run tests/demo/kubernetes")

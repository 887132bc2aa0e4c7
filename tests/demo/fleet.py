"""The story of the demo on Kubernetes, step by step. Everything it says it has checked."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import show

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
RIG = TESTS / "rig/kubernetes"
SAMPLE = ROOT / "deploy/samples/10-policy.yaml"
CHART = ROOT / "helm/topic-encryption-operator"
NAMESPACE, KAFKA, POLICY = "kafka", "my-cluster", "payments"
FLEET = f"{KAFKA}-encryption"
PODS = f"app.kubernetes.io/name=topic-encryption-proxy,app.kubernetes.io/instance={KAFKA}"
TOPIC, NEW_TOPIC, RECORDS = "payments.orders", "invoices.2026", 100
MARK = "card 4111-1111-1111-1111"
LONGEST = 280  # seconds
SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM


class Failure(Exception):
    """A promise that does not hold, or a step that did not work."""


def check(holds, text, otherwise=""):
    """Says a promise once it is known to hold."""
    if not holds:
        raise Failure(f"{text}: this does not hold. {otherwise}".rstrip())
    show.promise(text)


def main(stay=False):
    for number in SIGNALS:
        signal.signal(number, interrupted)
    signal.alarm(LONGEST)
    code, demo = 1, None
    try:
        with tempfile.TemporaryDirectory(prefix="demo-kubernetes-") as folder:
            demo = Demo(pathlib.Path(folder))
            try:
                demo.tell()
                if stay:
                    signal.alarm(0)
                    demo.stay()
                code = 0
            finally:
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
                demo.end()
    except KeyboardInterrupt:
        show.out("\n" + show.colour("demo: interrupted, cleaned up", "yellow"))
        code = 130
    except (Failure, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        show.out(f"{show.NO} demo: {error if isinstance(error, Failure) else repr(error)}")
    return code


def interrupted(number, _):
    if number == signal.SIGALRM:
        raise Failure(f"the demo took longer than {LONGEST} s")
    raise KeyboardInterrupt


class Demo:
    """The cluster and what is done to it."""

    def __init__(self, folder):
        self.folder = folder
        state = pathlib.Path(tempfile.gettempdir()) / f"topic-encryption-demo-{os.getuid()}"
        self.environment = os.environ | {"KUBE_NAME": "demo", "KUBE_STATE": str(state)}
        self.ca = folder / "ca.crt"

    def run(self, *words, text=None, ok=True, seconds=120):
        done = subprocess.run(
            [str(word) for word in words], input=text, text=True, capture_output=True, env=self.environment, timeout=seconds
        )
        if ok and done.returncode != 0:
            command = " ".join(str(word) for word in words)
            raise Failure(f"{command}: exit {done.returncode}\n{(done.stderr or done.stdout).strip()[-1500:]}")
        return done.stdout if ok else done

    def cluster(self, *words, **more):
        return self.run(RIG / "cluster", *words, **more)

    def kubectl(self, *words, **more):
        return self.cluster("exec", "kubectl", "-n", NAMESPACE, *words, **more)

    def shown(self, *words, **more):
        """A command that people would type, with what it prints."""
        show.code("$ kubectl " + " ".join(words))
        text = self.kubectl(*words, **more)
        for line in text.rstrip().splitlines():
            show.out("    " + line)
        return text

    def kcat(self, *words, text=None, seconds=30, ok=True):
        secure = ["-X", "security.protocol=ssl", "-X", f"ssl.ca.location={self.ca}"]
        address = f"{FLEET}-bootstrap.{NAMESPACE}.svc:9092"
        return self.cluster("exec", "kcat", "-b", address, *secure, *words, text=text, seconds=seconds, ok=ok)

    def tell(self):
        with show.step(1, "A Kubernetes of one node", "cluster"):
            self.cluster("down", ok=False)
            self.cluster("up")
            self.run(RIG / "strimzi/install")
        with show.step(2, "A Kafka cluster, laid out as Strimzi lays it out", "broker"):
            self.cluster("exec", "kubectl", "create", "namespace", NAMESPACE)
            self.run(RIG / "strimzi/stand-in", "create", NAMESPACE, KAFKA, "--brokers", "1", "--listeners", "tls")
        with show.step(3, "The operator, by its chart", "operator"):
            self.install()
        with show.step(4, "A policy: ten lines, and nothing else", "policy"):
            self.policy()
        with show.step(5, "Clients write and read through the fleet; the broker holds ciphertext", "records"):
            self.records()
        with show.step(6, "An edit reaches every proxy, and none restarts", "edit"):
            self.edit()
        with show.step(7, "The policy is deleted: nothing becomes clear", "delete"):
            self.delete()
        show.say(f"The same on a cluster of your own: see README.md. Samples: {SAMPLE.parent.relative_to(ROOT)}")

    def install(self):
        programs = [binary("PROXY_BIN", "topic-encryption-proxy"), binary("OPERATOR_BIN", "topic-encryption-operator")]
        packed = [line.split() for line in self.run(RIG / "images/build", *programs).splitlines()]
        self.cluster("load", *[file for _, file, _ in packed])
        (proxy, operator) = (image.rsplit(":", 1) for image, _, _ in packed)
        values = {
            "defaultImageRepository": "",
            "image": {"registry": "rig.test", "tag": operator[1]},
            "proxy": {"image": {"registry": "rig.test", "tag": proxy[1]}},
        }
        file = self.folder / "values.json"
        file.write_text(json.dumps(values))
        show.code(f"$ helm install topic-encryption {CHART.relative_to(ROOT)} -n {NAMESPACE}")
        self.cluster("exec", "helm", "install", "topic-encryption", CHART, "-n", NAMESPACE, "-f", file, "--wait", "--timeout", "60s")
        for image, _, size in packed:
            show.say(f"{image}: {int(size) / 1e6:.0f} MB")

    def policy(self):
        show.code(SAMPLE.read_text())
        start = time.monotonic()
        self.kubectl("apply", "-f", SAMPLE)
        self.kubectl("wait", "--for=condition=Ready", f"tep/{POLICY}", "--timeout=60s")
        seconds = time.monotonic() - start
        self.shown("get", "tep")
        self.shown("get", "pods,service", "-l", PODS)
        show.promise(f"Ready {seconds:.1f} s after it was applied")

    def records(self):
        bundle = self.kubectl("get", "configmap", f"{FLEET}-ca-cert", "-o", r"jsonpath={.data.ca\.crt}")
        self.ca.write_text(bundle)
        sent = [f"order {number}: {MARK}" for number in range(RECORDS)]
        self.kcat("-P", "-t", TOPIC, "-X", "acks=all", text="\n".join(sent) + "\n")
        got = self.kcat("-C", "-q", "-t", TOPIC, "-e").splitlines()
        check(sorted(got) == sorted(sent), f"{RECORDS} records come back through the fleet as they were sent")
        folder = pathlib.Path(self.run(RIG / "strimzi/stand-in", "segments", NAMESPACE, KAFKA, "0").strip())
        stored = b"".join(file.read_bytes() for file in folder.glob(f"{TOPIC}-*/*.log"))
        check(stored and MARK.encode() not in stored, f"none of it stands in the {len(stored)} bytes of the broker's log segments")
        check(b"encryption.strimzi.io" in stored, "an envelope does, which names the key")

    def edit(self):
        before = self.pods()
        change = [{"op": "add", "path": "/spec/rules/-", "value": {"topics": [{"prefix": "invoices."}], "key": {"name": "invoices"}}}]
        start = time.monotonic()
        self.shown("patch", "tep", POLICY, "--type=json", "-p", json.dumps(change))
        generation = self.kubectl("get", "tep", POLICY, "-o", "jsonpath={.metadata.generation}")
        self.kubectl("wait", f"--for=jsonpath={{.status.observedGeneration}}={generation}", f"tep/{POLICY}", "--timeout=30s")
        self.kubectl("wait", "--for=condition=Programmed", f"tep/{POLICY}", "--timeout=30s")
        self.kubectl("wait", "--for=condition=Ready", f"tep/{POLICY}", "--timeout=30s")
        seconds = time.monotonic() - start
        self.shown("get", "tep")
        check(self.pods() == before, f"loaded by every proxy {seconds:.1f} s after the edit; the pods are the same, and none restarted")
        self.kcat("-P", "-t", NEW_TOPIC, text=f"invoice: {MARK}\n")
        folder = pathlib.Path(self.run(RIG / "strimzi/stand-in", "segments", NAMESPACE, KAFKA, "0").strip())
        stored = b"".join(file.read_bytes() for file in folder.glob(f"{NEW_TOPIC}-*/*.log"))
        check(stored and MARK.encode() not in stored, f"{NEW_TOPIC} is encrypted from its first record on")

    def pods(self):
        pods = json.loads(self.kubectl("get", "pods", "-l", PODS, "-o", "json"))["items"]
        return sorted((pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"]) for pod in pods)

    def delete(self):
        self.shown("delete", "tep", POLICY)
        config = r"jsonpath={.data.policy\.yaml}"
        until(lambda: "Retired" in self.kubectl("get", "configmap", f"{FLEET}-config", "-o", config), 20, "the rules are retired")
        until(lambda: self.refused(), 30, "writes are refused")
        show.promise("writes are refused with POLICY_VIOLATION")
        got = self.kcat("-C", "-q", "-t", TOPIC, "-e").splitlines()
        check(len(got) >= RECORDS, "reads still decrypt")

    def refused(self):
        done = self.kcat("-P", "-t", TOPIC, "-X", "message.timeout.ms=5000", text="late\n", ok=False)
        return "policy" in (done.stderr + done.stdout).lower()

    def stay(self):
        show.say("Everything runs until Ctrl-C. In another terminal:")
        show.code(f"KUBE_NAME=demo KUBE_STATE={self.environment['KUBE_STATE']} {RIG / 'cluster'} exec kubectl -n {NAMESPACE} get tep")
        while True:
            signal.pause()

    def end(self):
        done = self.cluster("down", ok=False)
        if done.returncode == 0:
            show.promise("No process, no network and no file of the cluster is left")
        else:
            show.out(f"{show.NO} demo: something was left behind: {done.stderr.strip()}")


def binary(variable, name):
    path = pathlib.Path(os.environ.get(variable) or ROOT / "target/release" / name)
    if not path.exists():
        raise Failure(f"{path} is not there: cargo build --release -p proxy -p operator")
    return path


def until(holds, seconds, what):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.2)

"""The stage of the demo on Kubernetes: a cluster of one node by the rig, with a name and a folder of its own, so that no other
is disturbed. It goes with the demo, however that ends; KEEP=1 keeps it once it is up."""

import contextlib
import fcntl
import json
import os
import pathlib
import select
import shlex
import subprocess
import time

import show
import stage
from stage import Failure, until

RIG = stage.RIG / "kubernetes"
CLUSTER, STAND_IN = RIG / "cluster", RIG / "strimzi/stand-in"
NAME, NAMESPACE = "demo", "kafka"
PATIENCE = 30  # seconds for a demo that was killed to clean up


def keep():
    return os.environ.get("KEEP", "") not in ("", "0")


def folder():
    """For what the rig makes, and in it that of the demo's cluster."""
    settings = subprocess.check_output([CLUSTER, "env"], text=True)
    home = pathlib.Path(dict(line.split("=", 1) for line in settings.splitlines())["KUBE_HOME"])
    return home, home / NAME


def check_machine():
    """What would be in vain to build for otherwise."""
    if os.geteuid() != 0:
        raise Failure("a Kubernetes in namespaces of its own needs root")
    if not pathlib.Path("/sys/fs/cgroup/cpu").is_dir():
        raise Failure("the rig's Kubernetes needs control groups of version 1: see tests/rig/kubernetes/cluster")
    _, state = folder()
    if (state / "kept").exists():
        raise Failure(f"an earlier demo kept its cluster (KEEP=1). To end it: {command(state)} down")


def command(state):
    """How a person calls the rig for this cluster."""
    return f"KUBE_NAME={NAME} KUBE_STATE={state} {CLUSTER.relative_to(stage.ROOT)}"


class Cluster(stage.Stage):
    nothing_left = "No process, no network and no file of the demo is left"

    def __init__(self):
        check_machine()
        home, self.state = folder()
        home.mkdir(parents=True, exist_ok=True)
        self.lock = open(home / "demo-runs.lock", "w")
        until(self._locked, PATIENCE, f"the demo that runs already ends. If none does: {command(self.state)} down")
        os.environ |= {"KUBE_NAME": NAME, "KUBE_STATE": str(self.state), "TEST_KUBECONFIG": ""}
        # What is left if even the rig was killed.
        subprocess.run([CLUSTER, "down"], check=True, stderr=subprocess.DEVNULL)
        super().__init__()
        self.process, self.up = None, False

    def _locked(self):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True

    def start_node(self):
        if keep():
            self.run(CLUSTER, "up", says="starting Kubernetes")
        else:
            self._supervised()
        self.up = True

    def _supervised(self):
        """The rig ends it when this pipe closes, and then lets go of the lock, which keeps the next demo from interfering."""
        with open(self.logs / "cluster.log", "ab") as log:
            self.process = subprocess.Popen(
                [CLUSTER, "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                pass_fds=[self.lock.fileno()])
        self.vital["cluster"] = self.process
        with progress("starting Kubernetes") as show_progress:
            while not select.select([self.process.stdout], [], [], 0.2)[0]:
                show_progress()
        if self.process.stdout.readline() != b"ready\n":
            raise Failure("Kubernetes did not start")

    def run(self, *words, text=None, says=None, ok=True, seconds=120):
        """What it prints; with ok=False the exit code and, in one, all that it says."""
        return self.finish(self.begin(*words, text=text, ok=ok), text, says, ok, seconds)

    def begin(self, *words, text=None, ok=True):
        pipes = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL if text is None else subprocess.PIPE}
        if not ok:
            pipes["stderr"] = subprocess.STDOUT
        return self.start("commands", words, text=True, **pipes)

    def finish(self, child, text=None, says=None, ok=True, seconds=120):
        deadline = time.monotonic() + seconds
        with progress(says or pathlib.Path(child.args[0]).name) as show_progress:
            while True:
                try:
                    said, _ = child.communicate(text, timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    text = None  # which is on its way
                    show_progress()
                if time.monotonic() > deadline:
                    raise Failure(f"not within {seconds} s: {shlex.join(child.args)}")
        if not ok:
            return child.returncode, said
        if child.returncode:
            raise Failure(f"{shlex.join(child.args)} ended with code {child.returncode}")
        return said

    def exec(self, *words, **more):
        """In the cluster's network."""
        return self.run(CLUSTER, "exec", *words, **more)

    def kubectl(self, *words, **more):
        return self.exec("kubectl", "--namespace", NAMESPACE, *words, **more)

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def shown(self, *words, **more):
        """A command as people type it, and what it prints."""
        typed(["kubectl", "--namespace", NAMESPACE, *words])
        for line in self.kubectl(*words, **more).rstrip().splitlines():
            show.out("    " + line)

    def last_words(self, lines=12):
        yield from super().last_words(lines)
        operator = ["logs", "-l", "app.kubernetes.io/name=topic-encryption-operator", f"--tail={lines}"]
        questions = [["get", "tep,pods"], ["get", "events", "--field-selector=type=Warning"], operator] if self.up else []
        for words in questions:
            with contextlib.suppress(Failure):
                _, said = self.kubectl(*words, ok=False, seconds=5)
                yield f"kubectl {' '.join(words)}", said.splitlines()[-lines:]

    def close(self):
        """Clients first, then the node under them."""
        clean = super().close()
        if self.up and keep():
            (self.state / "kept").touch()
            self.nothing_left = "The cluster runs on, since KEEP=1"
            self._tell_kept()
            return clean
        if self.process:
            self.process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=60)
        else:
            subprocess.run([CLUSTER, "down"], stderr=subprocess.DEVNULL)
        return clean and not self.state.exists() and not list(pathlib.Path("/sys/fs/cgroup").glob(f"*/{NAME}"))

    def _tell_kept(self):
        show.out()
        show.say("The cluster is kept. To enter it, with kubectl, helm and kcat as here, and to end it:", "bold")
        show.code(f"{command(self.state)} exec bash\n{command(self.state)} down")


def typed(words):
    show.code("$ " + shlex.join(str(word) for word in words))


@contextlib.contextmanager
def progress(what):
    """On a terminal, how long it takes so far."""
    line, start = show.Progress(), time.monotonic()
    try:
        yield lambda: line.show(f"{what} {show.MORE} {time.monotonic() - start:.0f} s")
    finally:
        line.clear()

"""The API server, by kubectl."""

import json
import os
import subprocess
import time


class Failed(Exception):
    """What kubectl, or something run through it, answered."""


def kubectl(*words, text=None):
    done = subprocess.run(["kubectl", *words], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"kubectl {' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def apply(objects, manager):
    """Server-side, as Strimzi does by default since 1.2.0 (3.6)."""
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    kubectl("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-", text=items)


def find(kind, namespace, name):
    """The object, or None."""
    found = kubectl("-n", namespace, "get", kind, name, "--ignore-not-found", "-o", "json")
    return json.loads(found) if found else None


def get(kind, namespace, name):
    found = find(kind, namespace, name)
    if found is None:
        raise Failed(f"there is no {kind} {namespace}/{name}")
    return found


def replace_status(kind, namespace, name, change):
    """Puts the whole status (3.2, trap 6): change(object) gives the new one. Again where someone else was first."""
    for attempt in range(10):
        found = get(kind, namespace, name)
        found["status"] = change(found)
        try:
            kubectl("replace", "--subresource=status", "-f", "-", text=json.dumps(found))
            return
        except Failed as error:
            if attempt == 9 or "the object has been modified" not in str(error):
                raise


def delete(namespace, *words):
    kubectl("-n", namespace, "delete", "--ignore-not-found", *words)


def await_pods(namespace, names, seconds=180):
    wanted = [f"pod/{name}" for name in names]
    kubectl("-n", namespace, "wait", "--for=condition=Ready", f"--timeout={seconds}s", *wanted)


def in_pod(namespace, pod, *command):
    return kubectl("-n", namespace, "exec", pod, "--", *command)


def until(question, what, seconds=120):
    """Asks until the answer is not empty."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.1)
    raise Failed(f"not in {seconds} s: {what}")


def state():
    """The hermetic cluster's folder; None where another cluster is used."""
    return None if os.environ.get("TEST_KUBECONFIG") else os.environ["KUBE_STATE"]

"""Broker pods as Strimzi's: one for each node id, with a configuration, a certificate and a volume of its own.

They differ from Strimzi's where its image, which is not to be had, would be needed: certificates come from mounted
Secrets, readiness is an open port, and there is no StrimziPodSet. The ids that a cluster starts with are its controllers
too; later ones are brokers only, as Kafka's static quorum wants it.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import api
import layout
from layout import CONTROL_PLANE, OPERATOR, REPLICATION, secret

USER = 1001  # Strimzi's images run as it
DATA = "/var/lib/kafka/data-0"
LOCAL = ("--bootstrap-server", "localhost:9092")
CERTIFICATES = "/opt/kafka/broker-certs"
TRUST = "/opt/kafka/trust"
KEY_STORE = "/tmp/key-store.pem"  # the image's entry point joins the two files of the Secret


def properties(cluster, owner, pool, broker, voters):
    host = cluster.broker_host(pool, broker)
    controller = broker in voters
    listeners = [("REPLICATION-9091", "SSL", REPLICATION)]
    wanted = layout.listeners_of(owner)
    for listener in wanted:
        scram = listener.get("authentication", {}).get("type") == "scram-sha-512"
        protocol = ("SASL_" if scram else "") + ("SSL" if listener["tls"] else "PLAINTEXT")
        listeners.append((f"{listener['name']}-{listener['port']}".upper(), protocol, listener["port"]))
    # What Kafka's tools in the pod use, where clients have no such listener.
    local = [] if any(listener["name"] == "plain" for listener in wanted) else [("PLAIN-9092", "PLAINTEXT", 9092)]
    if controller:
        listeners.append(("CONTROLPLANE-9090", "SSL", CONTROL_PLANE))
    values = {
        "process.roles": "broker,controller" if controller else "broker",
        "node.id": broker,
        "controller.quorum.voters": ",".join(f"{id}@{cluster.broker_host(pool, id)}:{CONTROL_PLANE}" for id in voters),
        "controller.listener.names": "CONTROLPLANE-9090",
        "inter.broker.listener.name": "REPLICATION-9091",
        "listeners": ",".join([*(f"{name}://0.0.0.0:{port}" for name, _, port in listeners), *(f"{name}://127.0.0.1:{port}" for name, _, port in local)]),
        "advertised.listeners": ",".join([*(f"{name}://{host}:{port}" for name, _, port in listeners), *(f"{name}://localhost:{port}" for name, _, port in local)]),
        "listener.security.protocol.map": ",".join([*(f"{name}:{protocol}" for name, protocol, _ in [*listeners, *local] if name != "CONTROLPLANE-9090"), "CONTROLPLANE-9090:SSL"]),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram-9094.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "log.dirs": log_folder(broker),
        "auto.create.topics.enable": "true",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": KEY_STORE,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": f"{TRUST}/cluster-ca.crt",
        "listener.name.controlplane-9090.ssl.client.auth": "required",
        "listener.name.replication-9091.ssl.client.auth": "required",
        "listener.name.mtls-9095.ssl.client.auth": "required",
        "listener.name.mtls-9095.ssl.truststore.type": "PEM",
        "listener.name.mtls-9095.ssl.truststore.location": f"{TRUST}/clients-ca.crt",
        # For quick tests, as in the rig's own broker.
        "offsets.topic.num.partitions": 3,
        "transaction.state.log.num.partitions": 3,
        "group.initial.rebalance.delay.ms": 0,
        "log.retention.ms": -1,
        "log.cleaner.backoff.ms": 1000,
        "log.index.size.max.bytes": 1048576,
        "controller.quorum.election.timeout.ms": 500,
        "controlled.shutdown.retry.backoff.ms": 500,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return "".join(f"{key}={value}\n" for key, value in (values | owner["spec"]["kafka"].get("config", {})).items())


def log_folder(broker):
    return f"{DATA}/kafka-log{broker}"


def certificate(cluster, owner, pool, broker, authority):
    """3.4 for the subject and the names; since 0.50.1 the certificate carries its chain (3.5)."""
    pod = cluster.pod(pool, broker)
    leaf, key = authority.sign(f"/O=io.strimzi/CN={cluster.name}-kafka", cluster.names_of_broker(pool, broker))
    return secret(cluster.metadata(pod, owner, labels=pod_labels(cluster, pool, broker, [])), {f"{pod}.crt": leaf + authority.certificate, f"{pod}.key": key})


def certificates(cluster, owner, pool, ids, authority):
    with ThreadPoolExecutor() as workers:
        return list(workers.map(lambda broker: certificate(cluster, owner, pool, broker, authority), ids))


def configuration(cluster, owner, pool, broker, voters):
    data = {"server.config": properties(cluster, owner, pool, broker, voters)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": cluster.metadata(cluster.pod(pool, broker), owner), "data": data}


def pod_labels(cluster, pool, broker, voters):
    """3.6."""
    return {
        "strimzi.io/pool-name": pool,
        "strimzi.io/broker-role": "true",
        "strimzi.io/controller-role": "true" if broker in voters else "false",
        "strimzi.io/pod-name": cluster.pod(pool, broker),
        "strimzi.io/controller": "strimzipodset",
        "strimzi.io/controller-name": f"{cluster.name}-{pool}",
    }


def pod(cluster, owner, pool, broker, voters, cluster_id, image, generation):
    name = cluster.pod(pool, broker)
    # 3.6: what makes Strimzi replace a pod.
    annotations = {"strimzi.io/cluster-ca-cert-generation": str(generation), "strimzi.io/clients-ca-cert-generation": "0"}
    environment = {
        "CLUSTER_ID": cluster_id,
        "NODE_ID": str(broker),
        "DATA": log_folder(broker),
        "SERVER_PROPERTIES": "/opt/kafka/custom-config/server.config",
        "KEY": f"{CERTIFICATES}/{name}.key",
        "CERTIFICATE": f"{CERTIFICATES}/{name}.crt",
        "KEY_STORE": KEY_STORE,
    }
    container = {
        "name": "kafka",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "ports": [{"name": f"tcp-{listener['name']}", "containerPort": listener["port"]} for listener in layout.listeners_of(owner)],
        # Kafka opens its ports once it is registered and has caught up.
        "readinessProbe": {"tcpSocket": {"port": layout.listeners_of(owner)[0]["port"]}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "data-0", "mountPath": DATA},
            {"name": "config", "mountPath": "/opt/kafka/custom-config"},
            {"name": "certificates", "mountPath": CERTIFICATES},
            {"name": "trust", "mountPath": TRUST},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    spec = {
        "hostname": name,
        "subdomain": cluster.headless,
        "terminationGracePeriodSeconds": 30,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER, "fsGroup": 0, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [
            {"name": "data-0", "persistentVolumeClaim": {"claimName": f"data-0-{name}"}},
            {"name": "config", "configMap": {"name": name}},
            {"name": "certificates", "secret": {"secretName": name}},
            {"name": "trust", "secret": {"secretName": cluster.trust_bundle}},
            {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        ],
    }
    metadata = cluster.metadata(name, owner, annotations=annotations, labels=pod_labels(cluster, pool, broker, voters))
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def folder(cluster):
    """Where the volumes of a cluster's brokers are on the machine; only in the hermetic cluster."""
    state = api.state()
    return state and pathlib.Path(state, "volumes", cluster.namespace, cluster.name)


def volume_folder(cluster, pool, broker):
    return folder(cluster) and folder(cluster) / f"data-0-{cluster.pod(pool, broker)}"


def copied_volume(cluster, pool, broker):
    """What another cluster's broker has by now, as a copy on this machine, which the next one replaces."""
    pod = cluster.pod(pool, broker)
    folder = pathlib.Path(os.environ["KUBE_STATE"], "segments", cluster.namespace, pod)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = api.in_pod(cluster.namespace, pod, "sh", "-c", f"busybox tar -c -C {DATA} . | busybox gzip | base64")
    subprocess.run(["tar", "-x", "-z", "-C", str(folder)], input=base64.b64decode(archive), check=True)
    return folder


def volume_labels(cluster):
    return {"stand-in/namespace": cluster.namespace, "stand-in/cluster": cluster.name}


def volume(cluster, pool, broker):
    """The claim, named as Strimzi's; in the hermetic cluster, which makes no volumes, the volume itself too."""
    claim = f"data-0-{cluster.pod(pool, broker)}"
    modes, size = ["ReadWriteOnce"], {"storage": "1Gi"}
    metadata = {"name": claim, "namespace": cluster.namespace, "labels": cluster.labels(f"{cluster.name}-kafka") | {"strimzi.io/pool-name": pool}}
    spec = {"accessModes": modes, "resources": {"requests": size}}
    path = volume_folder(cluster, pool, broker)
    if path is None:
        return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}]
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, USER, 0)
    name = f"{cluster.namespace}-{claim}"
    bound = {"kind": "PersistentVolumeClaim", "namespace": cluster.namespace, "name": claim}
    source = {"hostPath": {"path": str(path)}, "claimRef": bound, "storageClassName": "", "persistentVolumeReclaimPolicy": "Retain"}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": volume_labels(cluster)},
         "spec": source | {"accessModes": modes, "capacity": size}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec | {"storageClassName": "", "volumeName": name}},
    ]  # fmt: skip


def start(cluster, owner, pool, ids, voters, cluster_id, image, generation):
    """Makes the pods of these ids, whose certificates must be there, and returns when they are ready."""
    objects = []
    for broker in ids:
        objects += volume(cluster, pool, broker)
        objects.append(configuration(cluster, owner, pool, broker, voters))
        objects.append(pod(cluster, owner, pool, broker, voters, cluster_id, image, generation))
    api.apply(objects, OPERATOR)
    api.await_pods(cluster.namespace, [cluster.pod(pool, broker) for broker in ids])


def stop(cluster, pool, ids):
    api.delete(cluster.namespace, "pod", *(cluster.pod(pool, broker) for broker in ids))


def java(cluster, pod, *words):
    """One of Kafka's tools, in the pod of a broker."""
    return api.in_pod(cluster.namespace, pod, "/opt/java/bin/java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", "/opt/kafka/libs/*", *words)  # fmt: skip


def metadata(cluster, pod):
    return json.loads(api.in_pod(cluster.namespace, pod, "kcat", "-J", "-L", "-m", "5", "-b", "localhost:9092"))


def await_sync(cluster, pool, ids):
    """Until each partition has all of its replicas that are among these brokers in sync: then the next pod may go."""

    def in_sync():
        try:
            found = metadata(cluster, cluster.pod(pool, ids[0]))
        except api.Failed:
            return False
        partitions = [partition for topic in found["topics"] for partition in topic["partitions"]]
        return {broker["id"] for broker in found["brokers"]} >= set(ids) and all(
            partition["leader"] >= 0 and {replica["id"] for replica in partition["isrs"]} >= {replica["id"] for replica in partition["replicas"]} & set(ids)
            for partition in partitions
        )

    api.until(in_sync, f"all replicas of {cluster.name} in sync")

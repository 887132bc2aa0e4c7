"""The verbs of the stand-in, but for the replacement of the CA: what the Cluster Operator and the User Operator do."""

import base64
import secrets
import shutil
import uuid

import api
import brokers
import layout
from certificates import Authority

VOTERS = "stand-in/voters"  # on the node pool: the ids that are controllers
IMAGE = "stand-in/image"


def kafka_of(cluster):
    return api.get("kafka", cluster.namespace, cluster.name)


def pool_of(cluster):
    """Its one node pool, with what the stand-in remembers there."""
    found = api.kubectl("-n", cluster.namespace, "get", "kafkanodepool", "-l", f"strimzi.io/cluster={cluster.name}", "-o", "name").split()
    if not found:
        raise api.Failed(f"there is no KafkaNodePool of {cluster.name} in {cluster.namespace}")
    return api.get("kafkanodepool", cluster.namespace, found[0].split("/")[1])


def data_of(cluster, name):
    found = api.get("secret", cluster.namespace, name)
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}, found["metadata"].get("annotations", {})


def authority_of(cluster, name):
    return Authority(data_of(cluster, f"{name}-cert")[0]["ca.crt"], data_of(cluster, name)[0]["ca.key"])


def generation_of(cluster):
    return int(data_of(cluster, f"{cluster.cluster_ca}-cert")[1]["strimzi.io/ca-cert-generation"])


def write_status(cluster):
    """A reconciliation's last step."""
    pool = pool_of(cluster)
    certificate = authority_of(cluster, cluster.cluster_ca).certificate

    def status(kafka):
        return layout.ready(cluster, kafka, pool["status"]["clusterId"], [pool["metadata"]["name"]], certificate)

    api.replace_status("kafka", cluster.namespace, cluster.name, status)


def write_pool_status(cluster, pool, ids, cluster_id):
    """3.3: written early, with the ids that are wanted."""
    api.replace_status("kafkanodepool", cluster.namespace, pool, lambda found: layout.pool_status(cluster, found["metadata"]["generation"], ids, cluster_id))


def create(cluster, count, pool, image, listeners):
    ids = list(range(count))
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    node_pool = layout.node_pool(cluster, pool, len(ids))
    node_pool["metadata"]["annotations"] = {VOTERS: ",".join(map(str, ids)), IMAGE: image}
    forget_volumes(cluster)
    api.apply([layout.kafka(cluster, min(3, len(ids)), listeners), node_pool], "user")
    owner = kafka_of(cluster)
    # 3.2, trap 3: a new cluster's first status.
    creating = {"conditions": [layout.condition("NotReady", reason="Creating", message="Kafka cluster is being deployed")], "observedGeneration": 1}
    api.replace_status("kafka", cluster.namespace, cluster.name, lambda _: creating)
    write_pool_status(cluster, pool, ids, cluster_id)

    cluster_ca, clients_ca = Authority.new("cluster-ca", 0), Authority.new("clients-ca", 0)
    objects = layout.services(cluster, owner)
    objects += layout.authority_secrets(cluster, owner, cluster.cluster_ca, cluster_ca, 0)
    objects += layout.authority_secrets(cluster, owner, cluster.clients_ca, clients_ca, 0)
    objects.append(layout.trust_bundle(cluster, owner, [cluster_ca.certificate], [clients_ca.certificate]))
    objects += brokers.certificates(cluster, owner, pool, ids, cluster_ca)
    api.apply(objects, layout.OPERATOR)
    brokers.start(cluster, owner, pool, ids, ids, cluster_id, image, 0)
    write_status(cluster)


def start(cluster, ids):
    """Pods of a cluster that exists."""
    pool = pool_of(cluster)
    voters, image = remembered(pool)
    brokers.start(cluster, kafka_of(cluster), pool["metadata"]["name"], ids, voters, pool["status"]["clusterId"], image, generation_of(cluster))


def remembered(pool):
    annotations = pool["metadata"]["annotations"]
    return [int(word) for word in annotations[VOTERS].split(",")], annotations[IMAGE]


def scale(cluster, ids):
    pool = pool_of(cluster)
    name, before = pool["metadata"]["name"], pool["status"]["nodeIds"]
    voters, _ = remembered(pool)
    if len(set(voters) & set(ids)) * 2 <= len(voters):
        raise api.Failed(f"most of the controllers {voters} must stay")
    api.kubectl("-n", cluster.namespace, "patch", "kafkanodepool", name, "--type=merge", "-p", f'{{"spec":{{"replicas":{len(ids)}}}}}')
    write_pool_status(cluster, name, ids, pool["status"]["clusterId"])
    added, removed = sorted(set(ids) - set(before)), sorted(set(before) - set(ids))
    if removed:
        brokers.stop(cluster, name, removed)
        for broker in removed:
            forget(cluster, name, broker)
            brokers.java(cluster, cluster.pod(name, ids[0]), "org.apache.kafka.tools.ClusterTool", "unregister", *brokers.LOCAL, "--id", str(broker))
    if added:
        api.apply(brokers.certificates(cluster, kafka_of(cluster), name, added, authority_of(cluster, cluster.cluster_ca)), layout.OPERATOR)
        start(cluster, added)
    write_status(cluster)


def forget(cluster, pool, broker):
    """Takes along what belonged to a broker. Its volume goes too, as with Strimzi's `deleteClaim: true`."""
    pod = cluster.pod(pool, broker)
    api.delete(cluster.namespace, f"secret/{pod}", f"configmap/{pod}", f"pvc/data-0-{pod}")
    api.kubectl("delete", "pv", f"{cluster.namespace}-data-0-{pod}", "--ignore-not-found")
    path = brokers.volume_folder(cluster, pool, broker)
    if path:
        shutil.rmtree(path, ignore_errors=True)


def roll(cluster, ids=None):
    pool = pool_of(cluster)
    name, all_ids = pool["metadata"]["name"], pool["status"]["nodeIds"]
    start(cluster, all_ids)  # also those whose pod someone deleted
    for broker in ids or all_ids:
        brokers.await_sync(cluster, name, all_ids)
        brokers.stop(cluster, name, [broker])
        start(cluster, [broker])
    brokers.await_sync(cluster, name, all_ids)


def lose_listeners(cluster):
    """3.2, trap 1: the listeners are the last step's, and are not carried over."""

    def status(kafka):
        kept = {key: value for key, value in kafka.get("status", {}).items() if key not in ("listeners", "conditions")}
        return layout.failed(kept, kafka["metadata"]["generation"], "TimeoutException", "Exceeded timeout of 300000ms while waiting for Pods")

    api.replace_status("kafka", cluster.namespace, cluster.name, status)


def not_ready(cluster):
    write_status(cluster)

    def status(kafka):
        return layout.failed(kafka["status"], kafka["metadata"]["generation"], "RuntimeException", "The entity operator could not be deployed")

    api.replace_status("kafka", cluster.namespace, cluster.name, status)


def pause(cluster):
    """3.2, trap 4; the generation stays the last that was reconciled."""
    annotate(cluster, "strimzi.io/pause-reconciliation=true")

    def status(kafka):
        last = kafka.get("status", {})
        kept = {key: last[key] for key in ("clusterId", "clusterSecurity", "observedGeneration") if key in last}
        return kept | {"conditions": [layout.condition("ReconciliationPaused")]}

    api.replace_status("kafka", cluster.namespace, cluster.name, status)


def restore_listeners(cluster):
    annotate(cluster, "strimzi.io/pause-reconciliation-")
    write_status(cluster)


def annotate(cluster, change):
    api.kubectl("-n", cluster.namespace, "annotate", "--overwrite", "kafka", cluster.name, change)


def user(cluster, name, authentication):
    """What the User Operator does: credentials in a Secret, and in Kafka where it must know them."""
    api.apply([layout.user(cluster, name, authentication)], "user")
    owner = api.get("kafkauser", cluster.namespace, name)
    if authentication == "tls":
        clients_ca = authority_of(cluster, cluster.clients_ca)
        certificate, key = clients_ca.sign(f"/CN={name}")
        # 3.5: this ca.crt is the clients CA.
        data = {"user.crt": certificate, "user.key": key, "ca.crt": clients_ca.certificate}
    else:
        password = secrets.token_urlsafe(24)
        jaas = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{name}" password="{password}";'
        data = {"password": password, "sasl.jaas.config": jaas}
        pool = pool_of(cluster)
        pod = cluster.pod(pool["metadata"]["name"], pool["status"]["nodeIds"][0])
        brokers.java(cluster, pod, "kafka.admin.ConfigCommand", *brokers.LOCAL, "--alter", "--entity-type", "users", "--entity-name", name,
                     "--add-config", f"SCRAM-SHA-512=[password={password}]")  # fmt: skip
    api.apply([layout.user_secret(cluster, owner, data)], "strimzi-user-operator")
    api.replace_status("kafkauser", cluster.namespace, name, lambda found: layout.user_status(found["metadata"]["generation"], authentication, name))


def segments(cluster, id):
    pool = pool_of(cluster)["metadata"]["name"]
    path = brokers.volume_folder(cluster, pool, id) or brokers.copied_volume(cluster, pool, id)
    print(path / f"kafka-log{id}")


def delete(cluster):
    resources = ("kafkauser,kafkatopic,kafkanodepool", "-l", f"strimzi.io/cluster={cluster.name}")
    objects = ("pod,service,configmap,secret,pvc", "-l", f"app.kubernetes.io/part-of=strimzi-{cluster.name}", "--grace-period=1")
    users = ("secret", "-l", f"app.kubernetes.io/managed-by=strimzi-user-operator,strimzi.io/cluster={cluster.name}")
    api.delete(cluster.namespace, "kafka", cluster.name)
    for words in (resources, objects, users):
        api.delete(cluster.namespace, *words)
    forget_volumes(cluster)


def forget_volumes(cluster):
    """Volumes outlive their namespace: those of an earlier cluster of this name go."""
    labels = ",".join(f"{key}={value}" for key, value in brokers.volume_labels(cluster).items())
    api.kubectl("delete", "pv", "--ignore-not-found", "-l", labels)
    if brokers.folder(cluster):
        shutil.rmtree(brokers.folder(cluster), ignore_errors=True)

"""What Strimzi writes for a Kafka cluster, without brokers: names, labels, resources and statuses.

The numbers are sections of the notes on Strimzi 1.2.0 that this follows: 3.2 Kafka, 3.3 KafkaNodePool, 3.4 names and
Services, 3.5 Secrets, 3.6 labels and owners.
"""

import base64
import datetime
import json
from dataclasses import dataclass

GROUP = "kafka.strimzi.io/v1"  # 3.1: the only version that is served since 1.0.0
OPERATOR = "strimzi-cluster-operator"
KAFKA_VERSION = "4.3.1"
# 3.2: all internal, of which a cluster has those that it is created with. Each as the spec has it; `plain` and `tls` have the names of Strimzi's own examples.
LISTENERS = [
    {"name": "plain", "port": 9092, "type": "internal", "tls": False},
    {"name": "tls", "port": 9093, "type": "internal", "tls": True},
    {"name": "scram", "port": 9094, "type": "internal", "tls": True, "authentication": {"type": "scram-sha-512"}},
    {"name": "mtls", "port": 9095, "type": "internal", "tls": True, "authentication": {"type": "tls"}},
]
CONTROL_PLANE, REPLICATION, AGENT = 9090, 9091, 8443  # 3.4: fixed ports
LEGACY_PORT_NAMES = {"plain": "tcp-clients", "tls": "tcp-clientstls"}  # 3.4


@dataclass(frozen=True)
class Cluster:
    """A Kafka cluster, which its namespace and name tell apart."""

    namespace: str
    name: str

    @property
    def bootstrap(self):
        return f"{self.name}-kafka-bootstrap"

    @property
    def headless(self):
        return f"{self.name}-kafka-brokers"

    @property
    def cluster_ca(self):
        return f"{self.name}-cluster-ca"

    @property
    def clients_ca(self):
        return f"{self.name}-clients-ca"

    @property
    def trust_bundle(self):
        return f"{self.name}-trustbundle"

    def pod(self, pool, broker):
        return f"{self.name}-{pool}-{broker}"

    def broker_host(self, pool, broker):
        """3.4: without the cluster's domain, since `useServiceDnsDomain` is not set."""
        return f"{self.pod(pool, broker)}.{self.headless}.{self.namespace}.svc"

    def names_of_service(self, service):
        """3.4: the four DNS forms."""
        namespaced = f"{service}.{self.namespace}"
        return [service, namespaced, f"{namespaced}.svc", f"{namespaced}.svc.cluster.local"]

    def names_of_broker(self, pool, broker):
        """3.4: the alternative names in a broker's certificate."""
        host = self.broker_host(pool, broker)
        return [*self.names_of_service(self.bootstrap), *self.names_of_service(self.headless), host, f"{host}.cluster.local"]

    def labels(self, component, component_type="kafka", managed_by=OPERATOR):
        """3.6: on everything that the Cluster Operator makes."""
        return {
            "strimzi.io/kind": "Kafka",
            "strimzi.io/name": component,
            "strimzi.io/cluster": self.name,
            "strimzi.io/component-type": component_type,
            "app.kubernetes.io/name": component_type,
            "app.kubernetes.io/instance": self.name,
            "app.kubernetes.io/part-of": f"strimzi-{self.name}",
            "app.kubernetes.io/managed-by": managed_by,
        }

    def selector(self):
        """3.6: what Strimzi's Services select by."""
        return {"strimzi.io/cluster": self.name, "strimzi.io/kind": "Kafka", "strimzi.io/name": f"{self.name}-kafka"}

    def metadata(self, name, owner, component="", component_type="kafka", annotations=None, labels=None):
        """3.6: `owner` is the Kafka resource, whose deletion takes the rest along."""
        return {
            "name": name,
            "namespace": self.namespace,
            "labels": self.labels(component or f"{self.name}-kafka", component_type) | (labels or {}),
            "annotations": annotations or {},
            "ownerReferences": [
                {
                    "apiVersion": GROUP,
                    "kind": "Kafka",
                    "name": self.name,
                    "uid": owner["metadata"]["uid"],
                    "controller": False,
                    "blockOwnerDeletion": True,
                }
            ],
        }


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def condition(kind, **more):
    """3.2: no observedGeneration for a single condition."""
    return {"type": kind, "status": "True", "lastTransitionTime": now(), **more}


def encoded(data):
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def secret(metadata, data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": encoded(data)}


# What the user writes.


def listeners_of(kafka):
    return kafka["spec"]["kafka"]["listeners"]


def kafka(cluster, replicas, listeners):
    least = min(2, replicas)
    config = {
        "default.replication.factor": replicas,
        "min.insync.replicas": least,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": least,
    }
    spec = {
        "kafka": {"version": KAFKA_VERSION, "listeners": [listener for listener in LISTENERS if listener["name"] in listeners], "config": config},
        "entityOperator": {"topicOperator": {}, "userOperator": {}},
    }
    return {"apiVersion": GROUP, "kind": "Kafka", "metadata": {"name": cluster.name, "namespace": cluster.namespace}, "spec": spec}


def node_pool(cluster, pool, replicas):
    """3.3: bound by the label, in the namespace of the Kafka resource."""
    metadata = {"name": pool, "namespace": cluster.namespace, "labels": {"strimzi.io/cluster": cluster.name}}
    volume = {"id": 0, "type": "persistent-claim", "size": "1Gi", "kraftMetadata": "shared"}
    spec = {"replicas": replicas, "roles": ["controller", "broker"], "storage": {"type": "jbod", "volumes": [volume]}}
    return {"apiVersion": GROUP, "kind": "KafkaNodePool", "metadata": metadata, "spec": spec}


# What Strimzi makes of it.


def services(cluster, owner):
    """3.4."""
    listeners = [port(LEGACY_PORT_NAMES.get(listener["name"], f"tcp-{listener['name']}"), listener["port"]) for listener in listeners_of(owner)]
    fixed = [port("tcp-ctrlplane", CONTROL_PLANE), port("tcp-replication", REPLICATION), port("tcp-kafkaagent", AGENT)]
    found = [
        {"port": listener["port"], "tls": listener["tls"], "protocol": "kafka", "auth": listener.get("authentication", {}).get("type", "none")}
        for listener in listeners_of(owner)
    ]
    discovery = {"strimzi.io/discovery": json.dumps(found, indent=2)}
    bootstrap = cluster.metadata(cluster.bootstrap, owner, annotations=discovery, labels={"strimzi.io/discovery": "true"})
    headless = cluster.metadata(cluster.headless, owner)
    selector = cluster.selector()
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": bootstrap,
            "spec": {"type": "ClusterIP", "selector": selector | {"strimzi.io/broker-role": "true"}, "ports": [fixed[1], *listeners]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": headless,
            "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": selector, "ports": [*fixed, *listeners]},
        },
    ]


def port(name, number):
    return {"name": name, "port": number, "targetPort": number, "protocol": "TCP"}


def authority_secrets(cluster, owner, name, authority, generation, old=None):
    """3.5: the certificate that all may read, with old ones while the key is replaced, and the key that only Strimzi reads.
    Without PKCS #12 stores, as where STRIMZI_PKCS12_KEYSTORE_GENERATION is false (141)."""
    certificate = {"strimzi.io/ca-cert-generation": str(generation)}
    key = {"strimzi.io/ca-key-generation": str(generation)}
    component = {"component": f"{cluster.name}-certificates", "component_type": "certificates"}
    return [
        secret(cluster.metadata(f"{name}-cert", owner, annotations=certificate, **component), {"ca.crt": authority.certificate} | (old or {})),
        secret(cluster.metadata(name, owner, annotations=key, **component), {"ca.key": authority.key}),
    ]


def trust_bundle(cluster, owner, cluster_authorities, clients_authorities):
    """3.5: since 0.51.0; what the brokers read."""
    metadata = cluster.metadata(cluster.trust_bundle, owner, component=f"{cluster.name}-certificates", component_type="certificates")
    return secret(metadata, {"cluster-ca.crt": "".join(cluster_authorities), "clients-ca.crt": "".join(clients_authorities)})


# Statuses.


def ready(cluster, kafka, cluster_id, pools, certificate):
    """3.2: a reconciliation that succeeded. Listeners have bootstrap addresses only."""
    listeners = []
    for listener in listeners_of(kafka):
        address = {"host": f"{cluster.bootstrap}.{cluster.namespace}.svc", "port": listener["port"]}
        status = {"name": listener["name"], "addresses": [address], "bootstrapServers": f"{address['host']}:{address['port']}"}
        if listener["tls"]:
            status["certificates"] = [certificate]
        listeners.append(status)
    return {
        "conditions": [condition("Ready")],
        "observedGeneration": kafka["metadata"]["generation"],
        "listeners": listeners,
        "kafkaNodePools": [{"name": pool} for pool in pools],
        "clusterId": cluster_id,
        "kafkaVersion": KAFKA_VERSION,
        "kafkaMetadataVersion": "4.3-IV0",
        "operatorLastSuccessfulVersion": "1.2.0",
    }


def failed(status, generation, reason, message):
    """3.2, trap 2: NotReady and no Ready at all."""
    return status | {"conditions": [condition("NotReady", reason=reason, message=message)], "observedGeneration": generation}


def pool_status(cluster, generation, ids, cluster_id):
    """3.3: desired ids, never a Ready condition."""
    return {
        "observedGeneration": generation,
        "nodeIds": ids,
        "roles": ["controller", "broker"],
        "replicas": len(ids),
        "clusterId": cluster_id,
        "labelSelector": ",".join(f"{key}={value}" for key, value in cluster.selector().items()),
        "conditions": [],
    }


def user(cluster, name, authentication):
    metadata = {"name": name, "namespace": cluster.namespace, "labels": {"strimzi.io/cluster": cluster.name}}
    return {"apiVersion": GROUP, "kind": "KafkaUser", "metadata": metadata, "spec": {"authentication": {"type": authentication}}}


def user_secret(cluster, owner, data):
    """3.5: of the User Operator, which has no prefix by default."""
    name = owner["metadata"]["name"]
    labels = {
        "app.kubernetes.io/name": "strimzi-user-operator",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/part-of": f"strimzi-{name}",
        "app.kubernetes.io/managed-by": "strimzi-user-operator",
        "strimzi.io/cluster": cluster.name,
        "strimzi.io/kind": "KafkaUser",
    }
    reference = {"apiVersion": GROUP, "kind": "KafkaUser", "name": name, "uid": owner["metadata"]["uid"], "controller": False, "blockOwnerDeletion": False}
    return secret({"name": name, "namespace": cluster.namespace, "labels": labels, "ownerReferences": [reference]}, data)


def user_status(generation, authentication, name):
    """3.5: the certificate's whole subject for tls."""
    username = f"CN={name}" if authentication == "tls" else name
    return {"conditions": [condition("Ready")], "observedGeneration": generation, "username": username, "secret": name}

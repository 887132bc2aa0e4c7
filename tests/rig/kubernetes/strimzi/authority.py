"""The replacement of the cluster CA's key (3.5; proposal 073). A client that trusts only `ca.crt` is cut off between the
first step and the third; one that trusts every `*.crt` of the Secret notices nothing."""

import datetime
import re

import api
import brokers
import layout
import operators
from certificates import Authority

OLD = re.compile(r"ca-.*\.crt")


def step(cluster, step):
    (new_key, trust_rolls, certificates_roll, old_goes)[step - 1](cluster)
    operators.write_status(cluster)


def new_key(cluster):
    """A new key and certificate; the old certificate stays beside it, under the date on which it was replaced."""
    old = operators.authority_of(cluster, cluster.cluster_ca)
    generation = operators.generation_of(cluster) + 1
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H-%M-%SZ")
    write(cluster, Authority.new("cluster-ca", generation), generation, {f"ca-{date}.crt": old.certificate})


def trust_rolls(cluster):
    """The brokers trust both, and still present what the old one signed."""
    operators.roll(cluster)


def certificates_roll(cluster):
    """The brokers present what the new one signed."""
    pool = operators.pool_of(cluster)
    authority = operators.authority_of(cluster, cluster.cluster_ca)
    owner = operators.kafka_of(cluster)
    api.apply(brokers.certificates(cluster, owner, pool["metadata"]["name"], pool["status"]["nodeIds"], authority), layout.OPERATOR)
    operators.roll(cluster)


def old_goes(cluster):
    """The old certificate is trusted no longer. Brokers hear of it when they are rolled the next time."""
    write(cluster, operators.authority_of(cluster, cluster.cluster_ca), operators.generation_of(cluster), {})


def write(cluster, authority, generation, old):
    owner = operators.kafka_of(cluster)
    clients = operators.authority_of(cluster, cluster.clients_ca).certificate
    objects = layout.authority_secrets(cluster, owner, cluster.cluster_ca, authority, generation, old)
    objects.append(layout.trust_bundle(cluster, owner, [authority.certificate, *old.values()], [clients]))
    api.apply(objects, layout.OPERATOR)

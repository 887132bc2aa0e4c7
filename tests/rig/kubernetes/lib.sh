# Sourced by the scripts beside it: settings, each of which the environment may override.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
KUBERNETES=$RIG/kubernetes
. "$KUBERNETES/versions.env"
: "${KUBE_HOME:=$CACHE/kubernetes}"     # what `setup kubernetes` makes, for every cluster
: "${KUBE_BIN:=$KUBE_HOME/bin}"         # the programs
: "${KUBE_IMAGES:=$KUBE_HOME/images}"   # image archives
: "${KUBE_STATE:=$KUBE_HOME/node}"      # one cluster's state, removed by `cluster down`
: "${KUBE_NAME:=rig}"                   # cgroup name; another one and another KUBE_STATE make a second cluster
: "${KUBE_NODE_IP:=10.88.0.1}"          # exists only in the node's network namespace, as all addresses here
: "${KUBE_POD_CIDR:=10.244.0.0/24}"
: "${KUBE_SERVICE_CIDR:=10.96.0.0/16}"
: "${KUBE_API_IP:=10.96.0.1}"           # the Service `kubernetes`: the first of KUBE_SERVICE_CIDR
: "${KUBE_DNS_IP:=10.96.0.10}"
: "${KUBE_SYNC:=1m0s}"                  # the kubelet's period of looking at volumes; its default
: "${KUBE_PROXY_MODE:=nftables}"
: "${CONTAINERD:=$KUBE_BIN/containerd}"
: "${RUNC:=/usr/sbin/runc}"
: "${CNI_BIN:=/usr/lib/cni}"
: "${TEST_KUBECONFIG:=}"                # use this cluster instead of a hermetic one
KUBE_NODE=$KUBE_NAME-node
STRIMZI_CRDS=$KUBE_HOME/strimzi
export CERT_MANAGER_CRDS=$KUBE_HOME/cert-manager GATEWAY_API_CRDS=$KUBE_HOME/gateway-api

now() { date +%s%N; }
since() { echo "$((($(now) - $1) / 1000000)) ms"; }

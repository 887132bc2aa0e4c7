# Sourced by the scripts beside it: where things are, and how to say so.
RIG=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CLIENTS=$(cd "$RIG/../clients" && pwd)
CACHE=${TOPIC_ENCRYPTION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/strimzi-topic-encryption}
: "${JAVA:=java}"
KAFKA_HOME=$CACHE/kafka
KAFKA_LIBS=$KAFKA_HOME/libs
JAVA_CLIENT_CLASSES=$CACHE/client-java
PYTHON=$CACHE/python/bin/python
GO_CLIENT=$CACHE/client-go/client
OPENBAO=$CACHE/openbao/bao
OPENBAO_IMAGE=$CACHE/openbao-image/openbao.tar
MOTO=$CACHE/moto/bin/moto_server
PYKMIP=$CACHE/pykmip/bin/python
LOCAL_KMS=$CACHE/local-kms/local-kms
SOFTHSM=${SOFTHSM:-/usr/lib/softhsm/libsofthsm2.so}
LIBRDKAFKA_CLIENT=$CACHE/client-librdkafka/client
LOG4J=-Dlog4j2.configurationFile=$RIG/log4j2.yaml

say() { echo "rig: $*" >&2; }
die() { echo "rig: error: $*" >&2; exit 1; }

# The CDS archive that `setup` made: class loading is a third of a JVM's start. Ignored by the JVM when it does not fit.
cds() { [ -f "$CACHE/cds/$1.jsa" ] && echo "-XX:SharedArchiveFile=$CACHE/cds/$1.jsa -Xlog:cds=off -Xlog:cds+dynamic=off" || true; }

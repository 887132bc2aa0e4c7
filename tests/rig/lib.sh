# Sourced by the scripts beside it: where things are, and how to say so.
RIG=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$RIG/../.." && pwd)
CLIENTS=$(cd "$RIG/../clients" && pwd)
CACHE=${TOPIC_ENCRYPTION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/strimzi-topic-encryption}
: "${JAVA:=java}"
# The version that most tests use, and the one that a script is asked for.
KAFKA_DEFAULT=$(sed -n 's#.*<kafka.version>\(.*\)</kafka.version>.*#\1#p' "$RIG/kafka-dist/pom.xml")
: "${KAFKA_VERSION:=$KAFKA_DEFAULT}"
# kafka_home VERSION: where that version's jars are.
kafka_home() { [ "$1" = "$KAFKA_DEFAULT" ] && echo "$CACHE/kafka" || echo "$CACHE/kafka-$1"; }
KAFKA_HOME=$(kafka_home "$KAFKA_VERSION")
KAFKA_LIBS=$KAFKA_HOME/libs
JAVA_CLIENT_CLASSES=$CACHE/client-java
JAVA_VERSIONS=$CACHE/java-versions
APPLICATIONS=$CACHE/applications
PYTHON=$CACHE/python/bin/python
GO_CLIENT=$CACHE/client-go/client
SARAMA_CLIENT=$CACHE/client-sarama/client
KAFKAJS_CLIENT=$CACHE/client-kafkajs/client.js
RUST_CLIENT=$CACHE/client-rust/client
OPENBAO=$CACHE/openbao/bao
OPENBAO_IMAGE=$CACHE/openbao-image/openbao.tar
MOTO=$CACHE/moto/bin/moto_server
PYKMIP=$CACHE/pykmip/bin/python
LOCAL_KMS=$CACHE/local-kms/local-kms
SOFTHSM=${SOFTHSM:-/usr/lib/softhsm/libsofthsm2.so}
PREVIOUS_PROXY=$CACHE/previous/previous-proxy
LIBRDKAFKA_CLIENT=$CACHE/client-librdkafka/client
LOG4J=-Dlog4j2.configurationFile=$RIG/log4j2.yaml

# versions FILE [WORD]: the versions that a file lists, or those that the word stands beside.
versions() { sed -n "/^[0-9]/s/^\([^ ]*\)${2:+ $2}.*/\1/p" "$1"; }

say() { echo "rig: $*" >&2; }
die() { echo "rig: error: $*" >&2; exit 1; }

# The CDS archive that `setup` made: class loading is a third of a JVM's start. Ignored by the JVM when it does not fit.
cds() { [ "$KAFKA_VERSION" = "$KAFKA_DEFAULT" ] && [ -f "$CACHE/cds/$1.jsa" ] && echo "-XX:SharedArchiveFile=$CACHE/cds/$1.jsa -Xlog:cds=off -Xlog:cds+dynamic=off" || true; }

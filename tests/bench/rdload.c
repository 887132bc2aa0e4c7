/* rdload: a load tool on librdkafka that costs little CPU itself and checks every value it reads.
 *
 *   rdload version
 *   rdload create  boot=HOST:PORT topic=T parts=N
 *   rdload delete  boot= topic=
 *   rdload produce boot= topic= parts= payload=FILE size=BYTES n=RECORDS codec= batch= linger=
 *   rdload consume boot= topic= parts= payload= size= n=
 *   rdload rate    boot= topic= parts= payload= size= codec= batch= linger= rate=BYTES_PER_S secs=S
 *
 * The payload file is a run of records of exactly `size` bytes. Record i is payload[i % records] and goes to partition
 * i % parts, so a reader knows from partition and offset which value must be there. `rate` produces at a fixed rate and
 * consumes beside it; the first fifth of its latencies is left out. The result is one line of key=value pairs; the exit
 * code is 1 when a record failed, is missing or differs. */
#define _GNU_SOURCE
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STALL_US 30000000LL /* a consumer gives up after this long without a record */

/* --- arguments, clocks --- */

static int arg_count;
static char **arg_values;

static void die(const char *what) {
    fprintf(stderr, "rdload: %s\n", what);
    exit(2);
}

static const char *arg(const char *name) {
    size_t len = strlen(name);
    for (int i = 2; i < arg_count; i++)
        if (!strncmp(arg_values[i], name, len) && arg_values[i][len] == '=') return arg_values[i] + len + 1;
    fprintf(stderr, "rdload: missing %s=\n", name);
    exit(2);
}

static long number(const char *name) { return atol(arg(name)); }

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static double cpu_s(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* --- payload --- */

static char *payload;
static long size, payload_records, parts;

static void load_payload(void) {
    size = number("size");
    parts = number("parts");
    struct stat st;
    FILE *f = fopen(arg("payload"), "rb");
    if (!f || fstat(fileno(f), &st)) die("cannot read the payload file");
    payload_records = st.st_size / size;
    if (payload_records < 1) die("the payload file is shorter than one record");
    payload = malloc(st.st_size);
    if (!payload || fread(payload, 1, st.st_size, f) != (size_t)st.st_size) die("cannot read the payload file");
    fclose(f);
}

static char *value_of(long i) { return payload + (i % payload_records) * size; }

static int differs(const rd_kafka_message_t *m) {
    return m->len != (size_t)size || memcmp(m->payload, value_of(m->offset * parts + m->partition), size) != 0;
}

/* --- clients --- */

static void set(rd_kafka_conf_t *conf, const char *key, const char *value) {
    char err[512];
    if (rd_kafka_conf_set(conf, key, value, err, sizeof err) != RD_KAFKA_CONF_OK) die(err);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char err[512];
    set(conf, "bootstrap.servers", arg("boot"));
    set(conf, "broker.address.family", "v4");
    set(conf, "log_level", "4");
    rd_kafka_t *rk = rd_kafka_new(type, conf, err, sizeof err);
    if (!rk) die(err);
    return rk;
}

static int64_t *ack_us;
static long acked, failed;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    (void)rk, (void)opaque;
    if (m->err) {
        if (!failed++) fprintf(stderr, "rdload: delivery: %s\n", rd_kafka_err2str(m->err));
        return;
    }
    if (ack_us) ack_us[acked] = now_us() - (int64_t)(intptr_t)m->_private;
    acked++;
}

static rd_kafka_t *producer(void) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "acks", "all");
    set(conf, "enable.idempotence", "true");
    set(conf, "compression.type", arg("codec"));
    set(conf, "batch.size", arg("batch"));
    set(conf, "linger.ms", arg("linger"));
    set(conf, "message.timeout.ms", "60000");
    set(conf, "queue.buffering.max.messages", "200000");
    set(conf, "queue.buffering.max.kbytes", "65536");
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return client(RD_KAFKA_PRODUCER, conf);
}

static rd_kafka_t *consumer(const char *topic) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char err[512];
    set(conf, "group.id", "rdload");
    set(conf, "enable.auto.commit", "false");
    set(conf, "check.crcs", "true");
    set(conf, "fetch.wait.max.ms", "100");
    set(conf, "fetch.error.backoff.ms", "10");
    set(conf, "queued.min.messages", "1000000");
    set(conf, "queued.max.messages.kbytes", "65536");
    /* Newer than Debian's librdkafka, whose fixed wait is this short anyway. */
    rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", err, sizeof err);
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(parts);
    for (int p = 0; p < parts; p++) rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
    if (rd_kafka_assign(rk, list)) die("cannot assign the partitions");
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

/* Waits for metadata and leaders, so that the clock sees only records. */
static rd_kafka_topic_t *ready_topic(rd_kafka_t *rk, const char *name) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    for (int tries = 0; tries < 50; tries++) {
        const struct rd_kafka_metadata *md;
        if (rd_kafka_metadata(rk, 0, topic, &md, 10000)) die("no metadata");
        int ok = md->topic_cnt == 1 && !md->topics[0].err && md->topics[0].partition_cnt == parts;
        for (int p = 0; ok && p < parts; p++) ok = md->topics[0].partitions[p].leader >= 0;
        rd_kafka_metadata_destroy(md);
        if (ok) return topic;
        usleep(100000);
    }
    die("topic has no leaders");
    return NULL;
}

/* Sends record i; with a key, the key is the time of sending. */
static void send_record(rd_kafka_t *rk, rd_kafka_topic_t *topic, long i, int keyed) {
    int64_t t = now_us();
    while (rd_kafka_produce(topic, i % parts, 0, value_of(i), size, keyed ? &t : NULL, keyed ? sizeof t : 0,
                            (void *)(intptr_t)t) == -1) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) die(rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(rk, 10);
        t = now_us();
    }
}

/* --- modes --- */

static int administer(const char *mode, const char *topic) {
    char err[512];
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    int create = !strcmp(mode, "create");
    if (create) {
        rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(topic, number("parts"), 1, err, sizeof err);
        if (!new) die(err);
        rd_kafka_CreateTopics(rk, &new, 1, NULL, queue);
    } else {
        rd_kafka_DeleteTopic_t *old = rd_kafka_DeleteTopic_new(topic);
        rd_kafka_DeleteTopics(rk, &old, 1, NULL, queue);
    }
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    if (!event) die("no answer from the broker");
    if (rd_kafka_event_error(event)) die(rd_kafka_event_error_string(event));
    size_t n;
    const rd_kafka_topic_result_t **results =
        create ? rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n)
               : rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    if (n != 1 || rd_kafka_topic_result_error(results[0])) die(n == 1 ? rd_kafka_topic_result_error_string(results[0]) : "no result");
    return 0;
}

static int produce(const char *name) {
    long n = number("n");
    rd_kafka_t *rk = producer();
    rd_kafka_topic_t *topic = ready_topic(rk, name);
    double cpu = cpu_s();
    int64_t start = now_us();
    for (long i = 0; i < n; i++) {
        send_record(rk, topic, i, 0);
        if (!(i & 127)) rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, 120000);
    double secs = (now_us() - start) / 1e6;
    printf("n=%ld failed=%ld secs=%.4f client_cpu=%.3f\n", acked, n - acked, secs, cpu_s() - cpu);
    return acked != n;
}

static int consume(const char *name) {
    long n = number("n"), got = 0, bad = 0;
    rd_kafka_t *rk = consumer(name);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    static rd_kafka_message_t *batch[1000];
    double cpu = cpu_s();
    int64_t start = now_us(), last = start;
    while (got < n && now_us() - last < STALL_US) {
        ssize_t k = rd_kafka_consume_batch_queue(queue, 200, batch, 1000);
        for (ssize_t j = 0; j < k; j++) {
            if (batch[j]->err) {
                fprintf(stderr, "rdload: %s\n", rd_kafka_message_errstr(batch[j]));
            } else {
                got++;
                bad += differs(batch[j]);
                last = now_us();
            }
            rd_kafka_message_destroy(batch[j]);
        }
    }
    printf("n=%ld failed=%ld bad=%ld secs=%.4f client_cpu=%.3f\n", got, got < n ? n - got : 0, bad,
           (last - start) / 1e6, cpu_s() - cpu);
    return got < n || bad;
}

static int64_t *end_to_end_us;
static long rate_records, rate_bad;
static atomic_long rate_got;
static atomic_int rate_stop;

static void *tail(void *arg_) {
    rd_kafka_t *rk = arg_;
    while (!rate_stop) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 50);
        if (!m) continue;
        if (!m->err && m->key_len == sizeof(int64_t) && rate_got < rate_records) {
            int64_t sent;
            memcpy(&sent, m->key, sizeof sent);
            end_to_end_us[rate_got] = now_us() - sent;
            rate_bad += differs(m);
            rate_got++;
        }
        rd_kafka_message_destroy(m);
    }
    return NULL;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_percentiles(const char *name, int64_t *us, long n) {
    long skip = n / 5;
    us += skip, n -= skip;
    if (n < 1) return;
    qsort(us, n, sizeof *us, by_value);
    printf(" %s_p50_ms=%.3f %s_p99_ms=%.3f %s_max_ms=%.3f", name, us[n / 2] / 1e3, name, us[n * 99 / 100] / 1e3, name,
           us[n - 1] / 1e3);
}

static int rate(const char *name) {
    double bytes_per_us = number("rate") / 1e6;
    rate_records = number("rate") * number("secs") / size;
    ack_us = calloc(rate_records, sizeof *ack_us);
    end_to_end_us = calloc(rate_records, sizeof *end_to_end_us);
    rd_kafka_t *rk = producer();
    rd_kafka_topic_t *topic = ready_topic(rk, name);
    pthread_t reader;
    pthread_create(&reader, NULL, tail, consumer(name));
    usleep(700000); /* the reader connects */
    double cpu = cpu_s();
    int64_t start = now_us();
    for (long i = 0; i < rate_records; i++) {
        int64_t due = start + (int64_t)(i * size / bytes_per_us), left;
        while ((left = due - now_us()) > 0) {
            rd_kafka_poll(rk, 0);
            usleep(left < 500 ? left : 500);
        }
        send_record(rk, topic, i, 1);
    }
    rd_kafka_flush(rk, 60000);
    double secs = (now_us() - start) / 1e6;
    for (int i = 0; i < 300 && rate_got < acked; i++) usleep(10000);
    rate_stop = 1;
    pthread_join(reader, NULL);
    printf("n=%ld failed=%ld bad=%ld secs=%.4f client_cpu=%.3f", acked, rate_records - rate_got, rate_bad, secs, cpu_s() - cpu);
    print_percentiles("ack", ack_us, acked);
    print_percentiles("e2e", end_to_end_us, rate_got);
    printf("\n");
    return acked != rate_records || rate_got != rate_records || rate_bad;
}

int main(int argc, char **argv) {
    arg_count = argc, arg_values = argv;
    const char *mode = argc > 1 ? argv[1] : "";
    if (!strcmp(mode, "version")) return puts(rd_kafka_version_str()) < 0;
    const char *topic = arg("topic");
    if (!strcmp(mode, "create") || !strcmp(mode, "delete")) return administer(mode, topic);
    load_payload();
    int code = 2;
    if (!strcmp(mode, "produce")) code = produce(topic);
    else if (!strcmp(mode, "consume")) code = consume(topic);
    else if (!strcmp(mode, "rate")) code = rate(topic);
    else die("unknown mode");
    fflush(stdout);
    _exit(code); /* closing the clients politely takes seconds and proves nothing here */
}

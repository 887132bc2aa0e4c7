/* The C client of the tests, on the system's librdkafka; ../README.md describes its commands. */
#define _GNU_SOURCE
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char *bootstrap, *topic, *codec, *acks, *idempotent, *linger, *batch_bytes, *in_flight, *transactional_id;
    const char *outcome, *partition, *group, *count, *timeout_ms, *isolation, *offset, *timestamp, *hold, *partitions;
} o = {.codec = "none", .acks = "all", .linger = "5", .outcome = "commit", .partition = "all", .timeout_ms = "20000",
       .isolation = "read_uncommitted", .partitions = "1"};
static char *properties[64];
static int property_count;

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- JSON lines ---- */

static void print_line(json_t *line) {
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

/* Kafka's names where librdkafka's differ. */
static const char *error_name(rd_kafka_resp_err_t err) {
    static const struct { rd_kafka_resp_err_t err; const char *name; } names[] = {
        {RD_KAFKA_RESP_ERR_UNKNOWN, "UNKNOWN_SERVER_ERROR"},
        {RD_KAFKA_RESP_ERR_INVALID_MSG, "CORRUPT_MESSAGE"},
        {RD_KAFKA_RESP_ERR__BAD_MSG, "CORRUPT_MESSAGE"},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "UNKNOWN_TOPIC_OR_PARTITION"},
        {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "UNKNOWN_TOPIC_OR_PARTITION"},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "UNKNOWN_TOPIC_OR_PARTITION"},
        {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, "INVALID_FETCH_SIZE"},
        {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, "NOT_LEADER_OR_FOLLOWER"},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "MESSAGE_TOO_LARGE"},
        {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "INVALID_TOPIC_EXCEPTION"},
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "CLIENT_TIMEOUT"},
        {RD_KAFKA_RESP_ERR__TIMED_OUT, "CLIENT_TIMEOUT"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].err == err) return names[i].name;
    return rd_kafka_err2name(err);
}

static void fail(rd_kafka_resp_err_t err, const char *text) {
    fprintf(stderr, "client: %s\n", text ? text : rd_kafka_err2str(err));
    print_line(json_pack("{s:s}", "error", error_name(err)));
    exit(1);
}

static void usage(const char *text, const char *which) {
    fprintf(stderr, "client: %s %s\nusage: client produce|consume|offsets-for-time|admin ACTION --bootstrap H:P --topic T …\n", text, which);
    exit(64);
}

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static json_t *encode(const void *data, size_t size) {
    if (!data) return json_null();
    const unsigned char *in = data;
    char *text = malloc(size / 3 * 4 + 5), *to = text;
    for (size_t i = 0; i < size; i += 3) {
        unsigned bits = in[i] << 16 | (i + 1 < size ? in[i + 1] << 8 : 0) | (i + 2 < size ? in[i + 2] : 0);
        *to++ = ALPHABET[bits >> 18];
        *to++ = ALPHABET[bits >> 12 & 63];
        *to++ = i + 1 < size ? ALPHABET[bits >> 6 & 63] : '=';
        *to++ = i + 2 < size ? ALPHABET[bits & 63] : '=';
    }
    json_t *json = json_stringn(text, to - text);
    free(text);
    return json;
}

/* Returns allocated bytes, or NULL for null; an empty string gives bytes too, as librdkafka tells the two apart. */
static void *decode(const json_t *json, size_t *size) {
    *size = 0;
    if (!json_is_string(json)) return NULL;
    const char *text = json_string_value(json);
    unsigned char *out = malloc(json_string_length(json) / 4 * 3 + 4);
    unsigned bits = 0, have = 0;
    for (; *text && *text != '='; text++) {
        const char *at = strchr(ALPHABET, *text);
        if (!at) usage("not base64:", text);
        bits = bits << 6 | (unsigned)(at - ALPHABET);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[(*size)++] = bits >> have & 255;
        }
    }
    return out;
}

/* ---- configuration ---- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char text[512];
    if (value && rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) usage(text, "");
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char text[512];
    set(conf, "bootstrap.servers", o.bootstrap);
    for (int i = 0; i < property_count; i++) {
        char *value = strchr(properties[i], '=');
        if (!value) usage("--property needs name=value:", properties[i]);
        *value = 0;
        set(conf, properties[i], value + 1);
        *value = '=';
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    if (!rk) usage(text, "");
    return rk;
}

/* ---- produce ---- */

static json_t **answers;
static size_t answer_count;

static void answered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    (void)rk, (void)opaque;
    if (m->err) fprintf(stderr, "client: %s\n", rd_kafka_err2str(m->err));
    answers[(intptr_t)m->_private] =
        m->err ? json_pack("{s:s}", "error", error_name(m->err))
               : json_pack("{s:i,s:I}", "partition", (int)m->partition, "offset", (json_int_t)(m->offset < 0 ? -1 : m->offset));
}

static void check(rd_kafka_error_t *error) {
    if (error) fail(rd_kafka_error_code(error), rd_kafka_error_string(error));
}

static rd_kafka_headers_t *headers_of(json_t *pairs) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(json_array_size(pairs));
    size_t i;
    json_t *pair;
    json_array_foreach(pairs, i, pair) {
        json_t *name = json_array_get(pair, 0);
        size_t size;
        void *value = decode(json_array_get(pair, 1), &size);
        rd_kafka_header_add(headers, json_string_value(name), json_string_length(name), value, size);
        free(value);
    }
    return headers;
}

static void send_record(rd_kafka_t *rk, json_t *record) {
    intptr_t i = answer_count++;
    answers = realloc(answers, answer_count * sizeof *answers);
    answers[i] = NULL;
    size_t key_size, value_size;
    void *key = decode(json_object_get(record, "key"), &key_size), *value = decode(json_object_get(record, "value"), &value_size);
    json_t *partition = json_object_get(record, "partition");
    rd_kafka_headers_t *headers = headers_of(json_object_get(record, "headers"));
    rd_kafka_resp_err_t err;
    while ((err = rd_kafka_producev(
                rk, RD_KAFKA_V_TOPIC(o.topic),
                RD_KAFKA_V_PARTITION(json_is_integer(partition) ? json_integer_value(partition) : RD_KAFKA_PARTITION_UA),
                RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_TIMESTAMP(json_integer_value(json_object_get(record, "timestamp"))), RD_KAFKA_V_HEADERS(headers),
                RD_KAFKA_V_OPAQUE((void *)i), RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(rk, 100);
    if (err) {
        rd_kafka_headers_destroy(headers);
        answers[i] = json_pack("{s:s}", "error", error_name(err));
    }
    free(key);
    free(value);
}

static int produce(void) {
    int timeout = atoi(o.timeout_ms);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "acks", o.acks);
    set(conf, "compression.type", o.codec);
    set(conf, "enable.idempotence", o.idempotent ? o.idempotent : strcmp(o.acks, "all") ? "false" : "true");
    set(conf, "linger.ms", o.linger);
    set(conf, "batch.size", o.batch_bytes);
    set(conf, "max.in.flight", o.in_flight);
    set(conf, "transactional.id", o.transactional_id);
    set(conf, "message.timeout.ms", o.timeout_ms);
    rd_kafka_conf_set_dr_msg_cb(conf, answered);
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf);
    if (o.transactional_id) {
        check(rd_kafka_init_transactions(rk, timeout));
        check(rd_kafka_begin_transaction(rk));
    }
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        json_error_t error;
        json_t *record = json_loads(line, 0, &error);
        if (!record) usage("not a record:", error.text);
        send_record(rk, record);
        json_decref(record);
    }
    free(line);
    rd_kafka_flush(rk, timeout + 5000);
    for (size_t i = 0; i < answer_count; i++) print_line(answers[i] ? answers[i] : json_pack("{s:s}", "error", "CLIENT_TIMEOUT"));
    if (o.transactional_id) check(strcmp(o.outcome, "commit") ? rd_kafka_abort_transaction(rk, timeout) : rd_kafka_commit_transaction(rk, timeout));
    rd_kafka_destroy(rk);
    return 0;
}

/* ---- consume ---- */

static rd_kafka_t *consumer(void) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "group.id", o.group ? o.group : "none");
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.partition.eof", "true");
    set(conf, "fetch.wait.max.ms", "100");
    set(conf, "isolation.level", o.isolation);
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

static rd_kafka_topic_partition_list_t *partitions_of(rd_kafka_t *rk, int64_t deadline) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    if (strcmp(o.partition, "all")) {
        rd_kafka_topic_partition_list_add(list, o.topic, atoi(o.partition));
        return list;
    }
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, o.topic, NULL);
    while (!list->cnt) {
        const struct rd_kafka_metadata *metadata;
        rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, topic, &metadata, 10000);
        if (!err) {
            err = metadata->topics[0].err;
            for (int i = 0; !err && i < metadata->topics[0].partition_cnt; i++)
                rd_kafka_topic_partition_list_add(list, o.topic, metadata->topics[0].partitions[i].id);
            rd_kafka_metadata_destroy(metadata);
        }
        if (err && now_ms() > deadline) fail(err, NULL);
        if (err) usleep(100000);
    }
    rd_kafka_topic_destroy(topic);
    return list;
}

static void print_record(rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t type;
    int64_t timestamp = rd_kafka_message_timestamp(m, &type);
    json_t *pairs = json_array();
    rd_kafka_headers_t *headers;
    if (!rd_kafka_message_headers(m, &headers)) {
        const char *name;
        const void *value;
        size_t size;
        for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++)
            json_array_append_new(pairs, json_pack("[s,o]", name, encode(value, size)));
    }
    const char *kind = type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? "CreateTime" : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? "LogAppendTime" : "NoTimestampType";
    print_line(json_pack("{s:i,s:I,s:I,s:s,s:o,s:o,s:o}", "partition", (int)m->partition, "offset", (json_int_t)m->offset, "timestamp", (json_int_t)timestamp,
                         "timestampType", kind, "key", encode(m->key, m->key_len), "value", encode(m->payload, m->len), "headers", pairs));
}

/* The same error comes back again and again; it is printed once. */
static void print_error(rd_kafka_message_t *m) {
    static struct { rd_kafka_resp_err_t err; int32_t partition; } printed[64];
    static int count;
    for (int i = 0; i < count; i++)
        if (printed[i].err == m->err && printed[i].partition == m->partition) return;
    if (count == 64) return;
    printed[count].err = m->err;
    printed[count++].partition = m->partition;
    fprintf(stderr, "client: %s\n", rd_kafka_message_errstr(m));
    json_t *line = json_pack("{s:s}", "error", error_name(m->err));
    if (m->partition >= 0) json_object_set_new(line, "partition", json_integer(m->partition));
    print_line(line);
}

/* Ends after --count records, or without it at the end of each partition. */
static int consume(void) {
    if (o.group && !o.count) usage("--group needs --count", "");
    int64_t deadline = now_ms() + atoi(o.timeout_ms);
    long left = o.count ? atol(o.count) : -1;
    int open = 0, code = 0;
    rd_kafka_t *rk = consumer();
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t err;
    if (o.group) {
        list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, o.topic, RD_KAFKA_PARTITION_UA);
        err = rd_kafka_subscribe(rk, list);
    } else {
        list = partitions_of(rk, deadline);
        open = list->cnt;
        for (int i = 0; i < list->cnt; i++) list->elems[i].offset = o.offset ? atoll(o.offset) : RD_KAFKA_OFFSET_BEGINNING;
        err = rd_kafka_assign(rk, list);
    }
    if (err) fail(err, NULL);
    while (left && (o.count || open)) {
        if (now_ms() > deadline) {
            code = 3;
            break;
        }
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
        if (!m) continue;
        if (!m->err) {
            print_record(m);
            if (left > 0) left--;
        } else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            open--;
        } else {
            print_error(m);
        }
        rd_kafka_message_destroy(m);
    }
    if (o.group && !code && (err = rd_kafka_commit(rk, NULL, 0))) fail(err, NULL);
    /* Whoever asks for this ends all members at once, so that no rebalance waits for this one. */
    if (o.hold && !code)
        while (getchar() != EOF) continue;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return code;
}

static int offsets_for_time(void) {
    if (!o.timestamp) usage("missing", "--timestamp");
    rd_kafka_t *rk = consumer();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *partition = rd_kafka_topic_partition_list_add(list, o.topic, atoi(o.partition));
    partition->offset = atoll(o.timestamp);
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(rk, list, atoi(o.timeout_ms));
    if (!err) err = partition->err;
    if (err) fail(err, NULL);
    print_line(json_pack("{s:o}", "offset", partition->offset < 0 ? json_null() : json_integer(partition->offset)));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return 0;
}

/* ---- administration ---- */

static void done(rd_kafka_resp_err_t err, const char *text) {
    if (err) fail(err, text);
    print_line(json_pack("{s:b}", "ok", 1));
}

/* Waits for the answer about the one topic of a request. */
static void answer_of(rd_kafka_queue_t *queue) {
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, atoi(o.timeout_ms));
    if (!event) fail(RD_KAFKA_RESP_ERR__TIMED_OUT, NULL);
    if (rd_kafka_event_error(event)) fail(rd_kafka_event_error(event), rd_kafka_event_error_string(event));
    const rd_kafka_CreateTopics_result_t *created = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_DeleteTopics_result_t *deleted = rd_kafka_event_DeleteTopics_result(event);
    size_t count;
    const rd_kafka_topic_result_t **topics =
        created ? rd_kafka_CreateTopics_result_topics(created, &count) : rd_kafka_DeleteTopics_result_topics(deleted, &count);
    done(rd_kafka_topic_result_error(topics[0]), rd_kafka_topic_result_error_string(topics[0]));
    rd_kafka_event_destroy(event);
}

static void describe_topic(rd_kafka_t *rk) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, o.topic, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, topic, &metadata, atoi(o.timeout_ms));
    if (!err) err = metadata->topics[0].err;
    if (err) fail(err, NULL);
    json_t *partitions = json_array();
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
        json_array_append_new(partitions, json_pack("{s:i,s:i}", "partition", (int)metadata->topics[0].partitions[i].id, "leader",
                                                    (int)metadata->topics[0].partitions[i].leader));
    print_line(json_pack("{s:s,s:o}", "name", o.topic, "partitions", partitions));
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
}

static int administer(const char *action) {
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    if (!strcmp(action, "create-topic")) {
        rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(o.topic, atoi(o.partitions), -1, NULL, 0);
        rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
        rd_kafka_NewTopic_destroy(topic);
        answer_of(queue);
    } else if (!strcmp(action, "delete-topic")) {
        rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(o.topic);
        rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
        rd_kafka_DeleteTopic_destroy(topic);
        answer_of(queue);
    } else if (!strcmp(action, "describe-topic")) {
        describe_topic(rk);
    } else {
        usage("unknown action", action);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return 0;
}

int main(int argc, char **argv) {
    static const struct { const char *name; const char **value; } options[] = {
        {"bootstrap", &o.bootstrap}, {"topic", &o.topic}, {"codec", &o.codec}, {"acks", &o.acks}, {"idempotent", &o.idempotent},
        {"linger", &o.linger}, {"batch-bytes", &o.batch_bytes}, {"in-flight", &o.in_flight}, {"transactional-id", &o.transactional_id},
        {"outcome", &o.outcome}, {"partition", &o.partition}, {"group", &o.group}, {"count", &o.count}, {"timeout-ms", &o.timeout_ms},
        {"hold", &o.hold}, {"partitions", &o.partitions}, {"isolation", &o.isolation}, {"offset", &o.offset}, {"timestamp", &o.timestamp},
    };
    enum { COUNT = sizeof options / sizeof *options };
    if (argc < 2) usage("missing", "command");
    int admin = argc > 2 && !strcmp(argv[1], "admin");
    for (int i = admin ? 3 : 2; i < argc; i += 2) {
        if (strncmp(argv[i], "--", 2) || i + 1 == argc) usage("not an option with a value:", argv[i]);
        int known = 0;
        while (known < COUNT && strcmp(options[known].name, argv[i] + 2)) known++;
        if (known < COUNT) *options[known].value = argv[i + 1];
        else if (!strcmp(argv[i], "--property") && property_count < 64) properties[property_count++] = argv[i + 1];
        else usage("unknown option", argv[i]);
    }
    if (!o.bootstrap || !o.topic) usage("missing", "--bootstrap or --topic");
    if (!strcmp(argv[1], "produce")) return produce();
    if (!strcmp(argv[1], "consume")) return consume();
    if (!strcmp(argv[1], "offsets-for-time")) return offsets_for_time();
    if (admin) return administer(argv[2]);
    usage("unknown command", argv[1]);
}

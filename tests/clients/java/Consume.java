import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** {@code consume} and {@code offsets-for-time}. */
final class Consume {
    private Consume() {}

    /** Ends after --count records, or without it at the end that each partition had at the start. */
    static int run(Args args, Output out) throws IOException, InterruptedException {
        long left = args.number("--count", Long.MAX_VALUE);
        if (args.has("--group") && !args.has("--count")) throw new IllegalArgumentException("--group needs --count");
        long deadline = System.currentTimeMillis() + args.number("--timeout-ms", 20000);
        Map<TopicPartition, OffsetAndMetadata> read = new HashMap<>();
        Set<String> errors = new HashSet<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(args)) {
            Map<TopicPartition, Long> ends = Map.of();
            if (args.has("--group")) consumer.subscribe(List.of(args.get("--topic")));
            else ends = assign(consumer, args, deadline);
            while (left > 0 && (args.has("--count") || !finished(consumer, ends))) {
                if (System.currentTimeMillis() > deadline) return 3;
                try {
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                        if (left-- <= 0) break;
                        out.line(json(record));
                        read.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
                    }
                } catch (InterruptException e) {
                    throw e;
                } catch (RuntimeException e) {
                    // The same error comes back on every poll; it is printed once.
                    if (errors.add(Output.name(e))) out.failure(e);
                    Thread.sleep(100);
                }
            }
            if (args.has("--group")) consumer.commitSync(read);
            if (args.has("--hold")) args.awaitEnd();
        }
        return 0;
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Args args) {
        Map<String, Object> properties = new HashMap<>(Map.of(
                "fetch.max.wait.ms", "100",
                "key.deserializer", ByteArrayDeserializer.class.getName(),
                "value.deserializer", ByteArrayDeserializer.class.getName(),
                "enable.auto.commit", "false",
                "auto.offset.reset", "earliest",
                "allow.auto.create.topics", "false",
                "default.api.timeout.ms", args.get("--timeout-ms", "20000"),
                "request.timeout.ms", "10000",
                "isolation.level", args.get("--isolation", "read_uncommitted")));
        if (args.has("--group")) properties.put("group.id", args.get("--group"));
        return new KafkaConsumer<>(args.properties(properties));
    }

    /** Returns the end of each partition. */
    private static Map<TopicPartition, Long> assign(KafkaConsumer<byte[], byte[]> consumer, Args args, long deadline) throws InterruptedException {
        List<TopicPartition> partitions = partitions(consumer, args);
        while (partitions.isEmpty()) {
            if (System.currentTimeMillis() > deadline) throw new UnknownTopicOrPartitionException();
            Thread.sleep(100);
            partitions = partitions(consumer, args);
        }
        consumer.assign(partitions);
        for (TopicPartition p : partitions) {
            if (args.has("--offset")) consumer.seek(p, args.number("--offset", 0));
            else consumer.seekToBeginning(List.of(p));
        }
        return args.has("--count") ? Map.of() : consumer.endOffsets(partitions);
    }

    private static List<TopicPartition> partitions(KafkaConsumer<byte[], byte[]> consumer, Args args) {
        String topic = args.get("--topic");
        String partition = args.get("--partition", "all");
        return partition.equals("all")
                ? consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList()
                : List.of(new TopicPartition(topic, Integer.parseInt(partition)));
    }

    private static boolean finished(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    static ObjectNode json(ConsumerRecord<byte[], byte[]> record) {
        ObjectNode json = Json.object()
                .put("partition", record.partition())
                .put("offset", record.offset())
                .put("timestamp", record.timestamp())
                .put("timestampType", record.timestampType().toString())
                .put("key", record.key())
                .put("value", record.value());
        json.set("headers", Json.headers(record.headers()));
        return json;
    }

    static int offsetsForTime(Args args, Output out) {
        TopicPartition partition = new TopicPartition(args.get("--topic"), (int) args.number("--partition", 0));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(args)) {
            OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, Long.parseLong(args.get("--timestamp")))).get(partition);
            out.line(Json.object().put("offset", found == null ? null : found.offset()));
        }
        return 0;
    }
}

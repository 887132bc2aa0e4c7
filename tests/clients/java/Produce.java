import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** {@code produce}: sends records and says where each one went, in the order of the input. */
final class Produce {
    private Produce() {}

    static int run(Args args, Output out) throws IOException, InterruptedException {
        List<JsonNode> records = args.objects("records");
        String transaction = args.get("--transactional-id", null);
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(args, transaction))) {
            if (transaction != null) {
                producer.initTransactions();
                producer.beginTransaction();
            }
            List<Future<RecordMetadata>> answers = new ArrayList<>();
            for (JsonNode record : records) answers.add(send(producer, args.get("--topic"), record));
            producer.flush();
            for (Future<RecordMetadata> answer : answers) print(answer, out);
            if (transaction != null) {
                if (args.get("--outcome", "commit").equals("commit")) producer.commitTransaction();
                else producer.abortTransaction();
            }
        }
        return 0;
    }

    private static Properties properties(Args args, String transaction) {
        String acks = args.get("--acks", "all");
        long timeout = args.number("--timeout-ms", 20000);
        Properties properties = args.properties(Map.of(
                "key.serializer", ByteArraySerializer.class.getName(),
                "value.serializer", ByteArraySerializer.class.getName(),
                "compression.type", args.get("--codec", "none"),
                "acks", acks,
                "enable.idempotence", args.get("--idempotent", Boolean.toString(acks.equals("all"))),
                "linger.ms", args.get("--linger", "5"),
                "delivery.timeout.ms", timeout,
                "max.block.ms", timeout,
                "request.timeout.ms", timeout / 2));
        if (args.has("--batch-bytes")) properties.putIfAbsent("batch.size", args.get("--batch-bytes"));
        if (args.has("--in-flight")) properties.putIfAbsent("max.in.flight.requests.per.connection", args.get("--in-flight"));
        if (transaction != null) properties.put("transactional.id", transaction);
        return properties;
    }

    private static Future<RecordMetadata> send(KafkaProducer<byte[], byte[]> producer, String topic, JsonNode record) throws IOException {
        Integer partition = record.path("partition").isInt() ? record.get("partition").asInt() : null;
        Long timestamp = record.path("timestamp").isNumber() ? record.get("timestamp").asLong() : null;
        try {
            return producer.send(new ProducerRecord<>(topic, partition, timestamp,
                    Json.bytes(record.path("key")), Json.bytes(record.path("value")), Json.headers(record.path("headers"))));
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private static void print(Future<RecordMetadata> answer, Output out) throws InterruptedException {
        try {
            RecordMetadata metadata = answer.get();
            out.line(Json.object().put("partition", metadata.partition()).put("offset", metadata.offset()));
        } catch (ExecutionException e) {
            out.failure(e.getCause());
        }
    }
}

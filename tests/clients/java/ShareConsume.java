import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * {@code share-consume}: reads as a member of a share group and acknowledges each record with --ack. With {@code renew} it keeps
 * each record for longer first, and accepts it when it has it again. Beside each record stands how many came at once at most by then.
 */
final class ShareConsume {
    private ShareConsume() {}

    static int run(Args args, Output out) {
        AcknowledgeType ack = AcknowledgeType.valueOf(args.get("--ack", "accept").toUpperCase(Locale.ROOT));
        Set<String> renewed = new HashSet<>();
        long left = Long.parseLong(args.get("--count"));
        long deadline = System.currentTimeMillis() + args.number("--timeout-ms", 20000);
        Properties properties = args.properties(Map.of(
                "key.deserializer", ByteArrayDeserializer.class.getName(),
                "value.deserializer", ByteArrayDeserializer.class.getName(),
                "share.acknowledgement.mode", "explicit",
                "group.id", args.get("--group")));
        try (KafkaShareConsumer<byte[], byte[]> consumer = new KafkaShareConsumer<>(properties)) {
            consumer.subscribe(List.of(args.get("--topic")));
            int largestPoll = 0;
            while (left > 0) {
                if (System.currentTimeMillis() > deadline) return 3;
                ConsumerRecords<byte[], byte[]> polled = consumer.poll(Duration.ofMillis(100));
                largestPoll = Math.max(largestPoll, polled.count());
                for (ConsumerRecord<byte[], byte[]> record : polled) {
                    if (ack == AcknowledgeType.RENEW && renewed.add(record.partition() + "/" + record.offset())) {
                        consumer.acknowledge(record, ack);
                        continue;
                    }
                    consumer.acknowledge(record, ack == AcknowledgeType.RENEW ? AcknowledgeType.ACCEPT : ack);
                    ObjectNode json = Consume.json(record).put("largestPoll", largestPoll);
                    record.deliveryCount().ifPresent(count -> json.put("deliveryCount", count));
                    if (left-- > 0) out.line(json);
                }
                consumer.commitSync().values().forEach(failed -> failed.ifPresent(out::failure));
            }
        }
        return 0;
    }
}

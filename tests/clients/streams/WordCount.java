import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * {@code WordCount BOOTSTRAP APPLICATION INPUT OUTPUT STATE-FOLDER GROUP-PROTOCOL}: counts the words of lines, exactly once. The
 * key of a line is a note that goes along with each of its words; what is stored and told for a word is "COUNT NOTE". Each count is
 * told. It runs until it is told to end, or until a thread of it dies.
 */
public final class WordCount {
    private WordCount() {}

    public static void main(String[] argv) throws Exception {
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(argv[2], Consumed.with(Serdes.String(), Serdes.String()))
                .flatMap(WordCount::words)
                .groupByKey(Grouped.<String, String>as("words").withKeySerde(Serdes.String()).withValueSerde(Serdes.String()))
                .aggregate(() -> "0 ", (word, note, before) -> count(before) + 1 + " " + note,
                        Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("counts")
                                .withKeySerde(Serdes.String()).withValueSerde(Serdes.String()))
                .toStream().to(argv[3], Produced.with(Serdes.String(), Serdes.String()));
        KafkaStreams streams = new KafkaStreams(builder.build(), properties(argv));
        CountDownLatch dead = new CountDownLatch(1);
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            dead.countDown();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
        streams.start();
        dead.await();
        Runtime.getRuntime().halt(1);
    }

    private static List<KeyValue<String, String>> words(String note, String line) {
        List<KeyValue<String, String>> words = new ArrayList<>();
        for (String word : line.split(" ")) words.add(KeyValue.pair(word, note));
        return words;
    }

    private static int count(String stored) {
        return Integer.parseInt(stored.substring(0, stored.indexOf(' ')));
    }

    private static Properties properties(String[] argv) {
        Properties properties = new Properties();
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, argv[0]);
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, argv[1]);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, argv[4]);
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "100");
        properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        // Each change of a count is written and told, so that a count too many or too few shows.
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, "0");
        // What went through the topic between the two steps stays there to be looked at.
        properties.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, "3600000");
        properties.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, argv[5]);
        // A static member: its successor has its place at once. There are none in groups of the streams protocol (KIP-1071).
        if (argv[5].equals("classic")) properties.put(StreamsConfig.consumerPrefix("group.instance.id"), "counter");
        properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        // Small polls, so that a transaction has a part of what there is.
        properties.put(StreamsConfig.consumerPrefix("max.poll.records"), "100");
        return properties;
    }
}

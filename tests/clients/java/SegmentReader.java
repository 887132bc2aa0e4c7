import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.BufferSupplier;

/**
 * Reads what a broker has on disk, with Kafka's own record classes and none of the project's code.
 *
 * <p>Each file is read once, so that what is searched raw is what is parsed. A batch that is cut off at the end of a file
 * is still being written, and left out.
 */
public final class SegmentReader {
    private SegmentReader() {}

    public static void main(String[] argv) throws IOException {
        List<String> words = Stream.concat(Stream.of("segments"), Stream.of(argv)).toList();
        System.exit(run(new Args(words, Json.NULL, null), new Output(new FileOutputStream(FileDescriptor.out))));
    }

    static int run(Args args, Output out) throws IOException {
        List<Path> paths = args.wordsFrom(2).stream().map(Path::of).toList();
        switch (args.word(1)) {
            case "dump" -> dump(paths, args.has("--records"), out);
            case "search" -> search(paths, needles(args), out);
            default -> throw new IllegalArgumentException("dump or search?");
        }
        return 0;
    }

    private static void dump(List<Path> paths, boolean records, Output out) throws IOException {
        for (Path file : files(paths)) {
            if (isLog(file)) dump(file, read(file), records, out);
        }
    }

    private static void dump(Path file, byte[] bytes, boolean records, Output out) {
        String partition = file.toAbsolutePath().getParent().getFileName().toString();
        try {
            for (RecordBatch batch : batches(bytes)) {
                ObjectNode json = Json.object()
                        .put("partition", partition)
                        .put("file", file.getFileName().toString())
                        .put("baseOffset", batch.baseOffset())
                        .put("lastOffset", batch.lastOffset())
                        .put("count", batch.countOrNull())
                        .put("codec", batch.compressionType().name)
                        .put("producerId", batch.producerId())
                        .put("epoch", batch.producerEpoch())
                        .put("baseSequence", batch.baseSequence())
                        .put("transactional", batch.isTransactional())
                        .put("control", batch.isControlBatch())
                        .put("timestampType", batch.timestampType().toString())
                        .put("maxTimestamp", batch.maxTimestamp())
                        .put("sizeInBytes", batch.sizeInBytes())
                        .put("valid", batch.isValid());
                if (records && batch.isValid()) {
                    ArrayNode array = json.putArray("records");
                    for (Record record : batch) array.add(json(record));
                }
                out.line(json);
            }
        } catch (KafkaException e) {
            out.line(Json.object().put("partition", partition).put("file", file.getFileName().toString()).put("error", e.toString()));
        }
    }

    private static ObjectNode json(Record record) {
        ObjectNode json = Json.object()
                .put("offset", record.offset())
                .put("timestamp", record.timestamp())
                .put("key", Json.bytes(record.key()))
                .put("value", Json.bytes(record.value()));
        json.set("headers", Json.headers(List.of(record.headers())));
        return json;
    }

    private static List<byte[]> needles(Args args) throws IOException {
        List<byte[]> needles = new ArrayList<>();
        if (args.has("--needles")) {
            for (String line : Files.readAllLines(Path.of(args.get("--needles")))) {
                if (!line.isBlank()) needles.add(Base64.getDecoder().decode(line.strip()));
            }
        } else {
            for (JsonNode needle : args.objects("needles")) needles.add(needle.binaryValue());
        }
        return needles;
    }

    /** Every file is searched as it is; those of the log also batch by batch, decompressed, and record by record. */
    private static void search(List<Path> paths, List<byte[]> list, Output out) throws IOException {
        Needles needles = new Needles(list);
        Map<String, Integer> batches = new TreeMap<>();
        int files = 0, invalid = 0;
        long size = 0, records = 0;
        for (Path file : files(paths)) {
            byte[] bytes = read(file);
            files++;
            size += bytes.length;
            String name = file.toAbsolutePath().getParent().getFileName() + "/" + file.getFileName();
            needles.search(bytes, name + " raw");
            if (!isLog(file)) continue;
            try {
                for (RecordBatch batch : batches(bytes)) {
                    batches.merge(batch.compressionType().name, 1, Integer::sum);
                    if (!batch.isValid()) {
                        invalid++;
                        continue;
                    }
                    if (batch instanceof DefaultRecordBatch compressed && batch.isCompressed()) {
                        try (InputStream in = compressed.recordInputStream(BufferSupplier.NO_CACHING)) {
                            needles.search(in.readAllBytes(), name + " batch " + batch.baseOffset());
                        }
                    }
                    for (Record record : batch) {
                        records++;
                        search(record, name + " record " + record.offset(), needles);
                    }
                }
            } catch (KafkaException e) {
                System.err.println("client: " + file + ": " + e);
                invalid++;
            }
        }
        needles.print(out);
        ObjectNode totals = Json.object();
        ObjectNode json = totals.putObject("totals").put("files", files).put("bytes", size).put("records", records).put("invalid", invalid);
        ObjectNode byCodec = json.putObject("batches");
        batches.forEach(byCodec::put);
        out.line(totals);
    }

    private static void search(Record record, String where, Needles needles) {
        needles.search(Json.bytes(record.key()), where + " key");
        needles.search(Json.bytes(record.value()), where + " value");
        for (Header header : record.headers()) {
            needles.search(header.key().getBytes(StandardCharsets.UTF_8), where + " header name");
            needles.search(header.value(), where + " header value");
        }
    }

    private static Iterable<? extends RecordBatch> batches(byte[] bytes) {
        return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches();
    }

    /** Segments, also those that are being cleaned or are marked for deletion. */
    private static boolean isLog(Path file) {
        return file.getFileName().toString().matches("\\d{20}\\.log(\\..*)?");
    }

    /** A running broker deletes files while this runs: those are passed over. */
    private static byte[] read(Path file) throws IOException {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return new byte[0];
        }
    }

    private static List<Path> files(List<Path> paths) throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path path : paths) {
            if (!Files.exists(path)) throw new IllegalArgumentException("no such file: " + path);
            Files.walkFileTree(path, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    if (attributes.isRegularFile()) files.add(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                    if (e instanceof NoSuchFileException) return FileVisitResult.CONTINUE;
                    throw e;
                }
            });
        }
        files.sort(null);
        return files;
    }
}

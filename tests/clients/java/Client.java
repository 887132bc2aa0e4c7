import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The Java client of the tests: one command per run, or with {@code serve} one per line of the input. */
public final class Client {
    private Client() {}

    public static void main(String[] argv) throws IOException {
        Output out = new Output(new FileOutputStream(FileDescriptor.out));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        if (argv.length == 1 && argv[0].equals("serve")) {
            serve(in, out);
            System.exit(0);
        }
        System.exit(run(new Args(List.of(argv), Json.NULL, in), out));
    }

    /** Reads commands such as {@code ["produce", "--topic", "t", {"records": []}]}. */
    private static void serve(BufferedReader in, Output out) throws IOException {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            int code = 64;
            try {
                ArrayNode command = (ArrayNode) Json.parse(line);
                List<String> argv = new ArrayList<>();
                JsonNode inline = Json.NULL;
                for (JsonNode word : command) {
                    if (word.isObject()) inline = word;
                    else argv.add(word.asText());
                }
                code = run(new Args(argv, inline, null), out);
            } catch (Exception e) {
                out.failure(e);
            }
            out.line(Json.object().put("done", code));
        }
    }

    private static int run(Args args, Output out) {
        try {
            return switch (args.command()) {
                case "produce" -> Produce.run(args, out);
                case "consume" -> Consume.run(args, out);
                case "share-consume" -> ShareConsume.run(args, out);
                case "offsets-for-time" -> Consume.offsetsForTime(args, out);
                case "admin" -> AdminCommand.run(args, out);
                case "segments" -> SegmentReader.run(args, out);
                default -> throw new IllegalArgumentException("unknown command " + args.command());
            };
        } catch (IllegalArgumentException e) {
            out.failure(e);
            return 64;
        } catch (Exception e) {
            out.failure(e);
            return 1;
        }
    }
}

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownServerException;
import org.apache.kafka.common.protocol.Errors;

/** JSON lines on the standard output; text for people goes to standard error. */
final class Output {
    private final PrintStream out;

    Output(OutputStream out) {
        this.out = new PrintStream(out, true, StandardCharsets.UTF_8);
    }

    void line(ObjectNode line) {
        out.println(line);
    }

    void failure(Throwable e) {
        System.err.println("client: " + e);
        line(Json.object().put("error", name(e)));
    }

    /** Kafka's name for an error, CLIENT_TIMEOUT, or the exception's name after an underscore. */
    static String name(Throwable e) {
        for (Throwable t = e; t != null; t = t.getCause()) {
            if (t.getClass() == TimeoutException.class) return "CLIENT_TIMEOUT";
            // The consumer passes on the text of a CorruptRecordException only.
            if (String.valueOf(t.getMessage()).contains(" is invalid, cause: ")) return Errors.CORRUPT_MESSAGE.name();
            Errors error = Errors.forException(t);
            if (error != Errors.UNKNOWN_SERVER_ERROR || t instanceof UnknownServerException) return error.name();
        }
        return "_" + e.getClass().getSimpleName();
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** The JSON forms: bytes are base64 or null, headers are [name, bytes] pairs. */
final class Json {
    static final JsonNode NULL = NullNode.getInstance();
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}

    static JsonNode parse(String line) throws IOException {
        return MAPPER.readTree(line);
    }

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    static ArrayNode array() {
        return MAPPER.createArrayNode();
    }

    static byte[] bytes(JsonNode node) throws IOException {
        return node.isMissingNode() || node.isNull() ? null : node.binaryValue();
    }

    static byte[] bytes(ByteBuffer buffer) {
        if (buffer == null) return null;
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    static List<Header> headers(JsonNode node) throws IOException {
        List<Header> headers = new ArrayList<>();
        for (JsonNode pair : node) headers.add(new RecordHeader(pair.get(0).asText(), bytes(pair.path(1))));
        return headers;
    }

    static ArrayNode headers(Iterable<Header> headers) {
        ArrayNode array = array();
        for (Header header : headers) array.addArray().add(header.key()).add(header.value());
        return array;
    }
}

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/** A command line: words, {@code --option value} pairs, and the objects that belong to it. */
final class Args {
    private final List<String> words = new ArrayList<>();
    private final Map<String, List<String>> options = new HashMap<>();
    private final JsonNode inline;
    private final BufferedReader in;

    /** The objects come from {@code inline}, or one a line from {@code in}. */
    Args(List<String> argv, JsonNode inline, BufferedReader in) {
        this.inline = inline;
        this.in = in;
        for (Iterator<String> i = argv.iterator(); i.hasNext(); ) {
            String arg = i.next();
            if (!arg.startsWith("--")) words.add(arg);
            else if (arg.equals("--records")) options.put(arg, List.of("true"));
            else if (i.hasNext()) options.computeIfAbsent(arg, k -> new ArrayList<>()).add(i.next());
            else throw new IllegalArgumentException(arg + " needs a value");
        }
    }

    String command() {
        return word(0);
    }

    String word(int i) {
        if (i >= words.size()) throw new IllegalArgumentException("a word is missing");
        return words.get(i);
    }

    List<String> wordsFrom(int i) {
        return words.subList(Math.min(i, words.size()), words.size());
    }

    boolean has(String option) {
        return options.containsKey(option);
    }

    String get(String option) {
        String value = get(option, null);
        if (value == null) throw new IllegalArgumentException(option + " is missing");
        return value;
    }

    String get(String option, String absent) {
        List<String> values = options.get(option);
        return values == null ? absent : values.get(values.size() - 1);
    }

    long number(String option, long absent) {
        return Long.parseLong(get(option, Long.toString(absent)));
    }

    /** The pairs of an option such as {@code --config k=v}. */
    Map<String, String> pairs(String option) {
        Map<String, String> pairs = new HashMap<>();
        for (String pair : options.getOrDefault(option, List.of())) {
            int at = pair.indexOf('=');
            if (at < 0) throw new IllegalArgumentException(option + " needs name=value");
            pairs.put(pair.substring(0, at), pair.substring(at + 1));
        }
        return pairs;
    }

    /** Client properties: the defaults, then {@code --bootstrap}, then each {@code --property}. */
    Properties properties(Map<String, Object> defaults) {
        Properties properties = new Properties();
        defaults.forEach((name, value) -> properties.put(name, value.toString()));
        properties.put("bootstrap.servers", get("--bootstrap"));
        properties.putAll(pairs("--property"));
        return properties;
    }

    /** Waits for the end of the input, which a command in serve mode does not have. */
    void awaitEnd() throws IOException {
        if (in == null) throw new IllegalArgumentException("--hold is not for serve mode");
        while (in.readLine() != null) continue;
    }

    /** The objects under {@code name} in the inline object, or one from each line of the input. */
    List<JsonNode> objects(String name) throws IOException {
        List<JsonNode> objects = new ArrayList<>();
        if (in == null) {
            inline.path(name).forEach(objects::add);
            return objects;
        }
        for (String line = in.readLine(); line != null; line = in.readLine()) objects.add(Json.parse(line));
        return objects;
    }
}

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Byte strings to look for, all in one pass, and where they were found. */
final class Needles {
    private static final int SHORTEST = 4;
    private static final int PLACES = 10;

    private final List<byte[]> needles;
    private final List<List<String>> places = new ArrayList<>();
    private final Map<Integer, List<Integer>> byStart = new HashMap<>();
    /** The first two bytes of any needle: most positions are passed over with one look here. */
    private final BitSet starts = new BitSet(1 << 16);

    Needles(List<byte[]> needles) {
        this.needles = needles;
        for (int i = 0; i < needles.size(); i++) {
            byte[] needle = needles.get(i);
            if (needle.length < SHORTEST) throw new IllegalArgumentException("a needle needs " + SHORTEST + " bytes or more");
            places.add(new ArrayList<>());
            byStart.computeIfAbsent(start(needle, 0), k -> new ArrayList<>()).add(i);
            starts.set(pair(needle, 0));
        }
    }

    void search(byte[] in, String place) {
        if (in == null) return;
        for (int at = 0; at + SHORTEST <= in.length; at++) {
            if (!starts.get(pair(in, at))) continue;
            for (int i : byStart.getOrDefault(start(in, at), List.of())) {
                byte[] needle = needles.get(i);
                int end = at + needle.length;
                if (end <= in.length && Arrays.equals(in, at, end, needle, 0, needle.length)) found(i, place);
            }
        }
    }

    private void found(int needle, String place) {
        List<String> known = places.get(needle);
        if (known.size() < PLACES && !known.contains(place)) known.add(place);
    }

    void print(Output out) {
        for (int i = 0; i < needles.size(); i++) {
            ObjectNode json = Json.object().put("needle", i).put("found", !places.get(i).isEmpty());
            ArrayNode where = json.putArray("where");
            places.get(i).forEach(where::add);
            out.line(json);
        }
    }

    private static int pair(byte[] in, int at) {
        return (in[at] & 0xff) << 8 | in[at + 1] & 0xff;
    }

    private static int start(byte[] in, int at) {
        return pair(in, at) << 16 | pair(in, at + 2);
    }
}

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeTopicsResult;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** {@code admin ACTION}: each action prints one JSON line. */
final class AdminCommand {
    private AdminCommand() {}

    static int run(Args args, Output out) throws Exception {
        String timeout = args.get("--timeout-ms", "20000");
        Properties properties = args.properties(Map.of("default.api.timeout.ms", timeout, "request.timeout.ms", "10000"));
        try (Admin admin = Admin.create(properties)) {
            out.line(switch (args.word(1)) {
                case "create-topic" -> createTopic(admin, args);
                case "delete-topic" -> deleteTopic(admin, args);
                case "create-partitions" -> createPartitions(admin, args);
                case "delete-records" -> deleteRecords(admin, args);
                case "alter-config" -> alterConfig(admin, args);
                case "describe-config" -> describeConfig(admin, args);
                case "describe-topic" -> describeTopic(admin, args);
                case "describe-cluster" -> describeCluster(admin);
                case "list-topics" -> listTopics(admin);
                case "list-offsets" -> listOffsets(admin, args);
                case "list-group-offsets" -> listGroupOffsets(admin, args);
                default -> throw new IllegalArgumentException("unknown action " + args.word(1));
            });
        }
        return 0;
    }

    private static ObjectNode ok() {
        return Json.object().put("ok", true);
    }

    private static ObjectNode createTopic(Admin admin, Args args) throws Exception {
        Optional<Integer> partitions = Optional.ofNullable(args.get("--partitions", null)).map(Integer::valueOf);
        Optional<Short> replicas = Optional.ofNullable(args.get("--replication", null)).map(Short::valueOf);
        NewTopic topic = new NewTopic(args.get("--topic"), partitions, replicas).configs(args.pairs("--config"));
        return ok().put("id", admin.createTopics(List.of(topic)).topicId(topic.name()).get().toString());
    }

    private static ObjectNode deleteTopic(Admin admin, Args args) throws Exception {
        admin.deleteTopics(List.of(args.get("--topic"))).all().get();
        return ok();
    }

    private static ObjectNode createPartitions(Admin admin, Args args) throws Exception {
        int total = Integer.parseInt(args.get("--partitions"));
        admin.createPartitions(Map.of(args.get("--topic"), NewPartitions.increaseTo(total))).all().get();
        return ok();
    }

    private static ObjectNode deleteRecords(Admin admin, Args args) throws Exception {
        TopicPartition partition = new TopicPartition(args.get("--topic"), (int) args.number("--partition", 0));
        RecordsToDelete before = RecordsToDelete.beforeOffset(Long.parseLong(args.get("--before")));
        return Json.object().put("lowWatermark", admin.deleteRecords(Map.of(partition, before)).lowWatermarks().get(partition).get().lowWatermark());
    }

    private static ConfigResource resource(Args args) {
        if (args.has("--group")) return new ConfigResource(ConfigResource.Type.GROUP, args.get("--group"));
        if (args.has("--broker")) return new ConfigResource(ConfigResource.Type.BROKER, args.get("--broker"));
        return new ConfigResource(ConfigResource.Type.TOPIC, args.get("--topic"));
    }

    /** An empty value deletes the setting. */
    private static ObjectNode alterConfig(Admin admin, Args args) throws Exception {
        List<AlterConfigOp> changes = args.pairs("--config").entrySet().stream().map(pair -> new AlterConfigOp(
                new ConfigEntry(pair.getKey(), pair.getValue()),
                pair.getValue().isEmpty() ? AlterConfigOp.OpType.DELETE : AlterConfigOp.OpType.SET)).toList();
        admin.incrementalAlterConfigs(Map.of(resource(args), changes)).all().get();
        return ok();
    }

    private static ObjectNode describeConfig(Admin admin, Args args) throws Exception {
        ObjectNode json = Json.object();
        ConfigResource resource = resource(args);
        admin.describeConfigs(List.of(resource)).all().get().get(resource).entries().forEach(entry -> json.put(entry.name(), entry.value()));
        return json;
    }

    private static ObjectNode describeTopic(Admin admin, Args args) throws Exception {
        TopicDescription topic = describe(admin, args);
        ObjectNode json = Json.object().put("name", topic.name());
        ArrayNode partitions = json.putArray("partitions");
        topic.partitions().forEach(p -> {
            ObjectNode partition = partitions.addObject().put("partition", p.partition()).put("leader", p.leader() == null ? -1 : p.leader().id());
            ids(partition.putArray("replicas"), p.replicas());
            ids(partition.putArray("isr"), p.isr());
        });
        return json;
    }

    /** By name, since the method that Kafka 4 has came with Kafka 3.1, and the one before it went with Kafka 3. */
    private static TopicDescription describe(Admin admin, Args args) throws Exception {
        Method[] methods = DescribeTopicsResult.class.getMethods();
        boolean old = Arrays.stream(methods).noneMatch(method -> method.getName().equals("allTopicNames"));
        Method all = DescribeTopicsResult.class.getMethod(old ? "all" : "allTopicNames");
        KafkaFuture<?> topics = (KafkaFuture<?>) all.invoke(admin.describeTopics(List.of(args.get("--topic"))));
        return (TopicDescription) ((Map<?, ?>) topics.get()).get(args.get("--topic"));
    }

    private static void ids(ArrayNode array, List<Node> nodes) {
        nodes.forEach(node -> array.add(node.id()));
    }

    private static ObjectNode describeCluster(Admin admin) throws Exception {
        var cluster = admin.describeCluster();
        ObjectNode json = Json.object().put("id", cluster.clusterId().get()).put("controller", cluster.controller().get().id());
        ArrayNode nodes = json.putArray("nodes");
        cluster.nodes().get().forEach(node -> nodes.addObject().put("id", node.id()).put("host", node.host()).put("port", node.port()));
        return json;
    }

    private static ObjectNode listTopics(Admin admin) throws Exception {
        ObjectNode json = Json.object();
        ArrayNode topics = json.putArray("topics");
        admin.listTopics().names().get().stream().sorted().forEach(topics::add);
        return json;
    }

    private static ObjectNode listOffsets(Admin admin, Args args) throws Exception {
        Map<TopicPartition, OffsetSpec> earliest = new HashMap<>();
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        describe(admin, args).partitions().forEach(p -> {
            TopicPartition partition = new TopicPartition(args.get("--topic"), p.partition());
            earliest.put(partition, OffsetSpec.earliest());
            latest.put(partition, OffsetSpec.latest());
        });
        var begins = admin.listOffsets(earliest).all().get();
        var ends = admin.listOffsets(latest).all().get();
        ObjectNode json = Json.object();
        begins.forEach((partition, begin) ->
                json.putObject(Integer.toString(partition.partition())).put("begin", begin.offset()).put("end", ends.get(partition).offset()));
        return json;
    }

    private static ObjectNode listGroupOffsets(Admin admin, Args args) throws Exception {
        ObjectNode json = Json.object();
        admin.listConsumerGroupOffsets(args.get("--group")).partitionsToOffsetAndMetadata().get()
                .forEach((partition, offset) -> json.put(partition.toString(), offset.offset()));
        return json;
    }
}

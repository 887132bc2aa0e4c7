package main

import "github.com/IBM/sarama"

// admin runs what needs an administrator's client and prints what it returns.
func (o *options) admin(run func(sarama.ClusterAdmin) (map[string]any, error)) (int, error) {
	client, err := o.client()
	if err != nil {
		return 0, err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return 0, err
	}
	defer admin.Close()
	line, err := run(admin)
	if err == nil {
		printLine(line)
	}
	return 0, err
}

func createTopic(o *options) (int, error) {
	return o.admin(func(admin sarama.ClusterAdmin) (map[string]any, error) {
		detail := &sarama.TopicDetail{NumPartitions: int32(o.partitions), ReplicationFactor: -1}
		return map[string]any{"ok": true}, admin.CreateTopic(o.topic, detail, false)
	})
}

func describeTopic(o *options) (int, error) {
	return o.admin(func(admin sarama.ClusterAdmin) (map[string]any, error) {
		topics, err := admin.DescribeTopics([]string{o.topic})
		if err != nil {
			return nil, err
		}
		partitions := []map[string]any{}
		for _, topic := range topics {
			if topic.Err != sarama.ErrNoError {
				return nil, topic.Err
			}
			for _, p := range topic.Partitions {
				partitions = append(partitions, map[string]any{"partition": p.ID, "leader": p.Leader})
			}
		}
		return map[string]any{"name": o.topic, "partitions": partitions}, nil
	})
}

func deleteTopic(o *options) (int, error) {
	return o.admin(func(admin sarama.ClusterAdmin) (map[string]any, error) {
		return map[string]any{"ok": true}, admin.DeleteTopic(o.topic)
	})
}

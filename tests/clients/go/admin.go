package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
)

// admin runs what needs an administrator's client and prints what it returns.
func (o *options) admin(run func(context.Context, *kadm.Client) (map[string]any, error)) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout())
	defer cancel()
	client, err := o.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	line, err := run(ctx, kadm.NewClient(client))
	if err == nil {
		printLine(line)
	}
	return 0, err
}

func createTopic(o *options) (int, error) {
	return o.admin(func(ctx context.Context, admin *kadm.Client) (map[string]any, error) {
		created, err := admin.CreateTopic(ctx, int32(o.partitions), -1, nil, o.topic)
		return map[string]any{"ok": true, "id": created.ID.String()}, err
	})
}

func describeTopic(o *options) (int, error) {
	return o.admin(func(ctx context.Context, admin *kadm.Client) (map[string]any, error) {
		topics, err := admin.ListTopics(ctx, o.topic)
		if err == nil {
			err = topics.Error()
		}
		partitions := []map[string]any{}
		for _, p := range topics[o.topic].Partitions.Sorted() {
			partitions = append(partitions, map[string]any{"partition": p.Partition, "leader": p.Leader})
		}
		return map[string]any{"name": o.topic, "partitions": partitions}, err
	})
}

func deleteTopic(o *options) (int, error) {
	return o.admin(func(ctx context.Context, admin *kadm.Client) (map[string]any, error) {
		_, err := admin.DeleteTopic(ctx, o.topic)
		return map[string]any{"ok": true}, err
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/IBM/sarama"
)

// consume ends after --count records, or without it at the end that each partition had at the start.
func consume(o *options) (int, error) {
	if o.group != "" && o.count < 0 {
		return 0, errors.New("--group needs --count")
	}
	client, err := o.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout())
	defer cancel()
	if o.group != "" {
		return o.consumeAsMember(ctx, client)
	}
	return o.consumePartitions(ctx, client)
}

func (o *options) consumePartitions(ctx context.Context, client sarama.Client) (int, error) {
	partitions, err := client.Partitions(o.topic)
	if err != nil {
		return 0, err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return 0, err
	}
	for _, partition := range o.oneOf(partitions) {
		code, err := o.consumePartition(ctx, client, consumer, partition)
		if code != 0 || err != nil {
			return code, err
		}
	}
	return 0, nil
}

// consumePartition reads one partition; of several each in turn, since none of them waits for another.
func (o *options) consumePartition(ctx context.Context, client sarama.Client, consumer sarama.Consumer, partition int32) (int, error) {
	end, err := client.GetOffset(o.topic, partition, sarama.OffsetNewest)
	if err != nil {
		return 0, err
	}
	begin, err := client.GetOffset(o.topic, partition, sarama.OffsetOldest)
	if err != nil {
		return 0, err
	}
	if o.count < 0 && max(begin, o.offset) >= end || o.count == 0 {
		return 0, nil
	}
	reader, err := consumer.ConsumePartition(o.topic, partition, o.offset)
	if err != nil {
		return 0, err
	}
	defer reader.AsyncClose()
	printed := map[string]bool{}
	for {
		select {
		case message := <-reader.Messages():
			printLine(fromKafka(message))
			if o.count > 0 {
				o.count--
			}
			if o.count == 0 || o.count < 0 && message.Offset+1 >= end {
				return 0, nil
			}
		case failed := <-reader.Errors():
			printError(failed, partition, printed)
		case <-ctx.Done():
			return 3, nil
		}
	}
}

func printError(failed *sarama.ConsumerError, partition int32, printed map[string]bool) {
	if name := errorName(failed.Err); !printed[name] {
		printed[name] = true
		fmt.Fprintln(os.Stderr, "client:", failed)
		printLine(map[string]any{"error": name, "partition": partition})
	}
}

// member prints records until there are as many as it wants, and marks them.
type member struct {
	messages chan *sarama.ConsumerMessage
	session  chan sarama.ConsumerGroupSession
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.session <- session
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			m.messages <- message
		case <-session.Context().Done():
			return nil
		}
	}
}

func (o *options) consumeAsMember(ctx context.Context, client sarama.Client) (int, error) {
	group, err := sarama.NewConsumerGroupFromClient(o.group, client)
	if err != nil {
		return 0, err
	}
	m := &member{messages: make(chan *sarama.ConsumerMessage), session: make(chan sarama.ConsumerGroupSession)}
	// A session ends with each rebalance, and the next begins.
	go func() {
		for ctx.Err() == nil {
			if err := group.Consume(ctx, []string{o.topic}, m); errors.Is(err, sarama.ErrClosedConsumerGroup) {
				return
			}
		}
	}()
	var session sarama.ConsumerGroupSession
	for left := o.count; left > 0; {
		select {
		case session = <-m.session:
		case message := <-m.messages:
			printLine(fromKafka(message))
			session.MarkMessage(message, "")
			left--
		case failed := <-group.Errors():
			fmt.Fprintln(os.Stderr, "client:", failed)
		case <-ctx.Done():
			return 3, nil
		}
	}
	session.Commit()
	if o.hold != "" {
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	// What a claim holds back would keep it from its end.
	go func() {
		for range m.messages {
		}
	}()
	return 0, errors.Join(err, group.Close())
}

func fromKafka(m *sarama.ConsumerMessage) *record {
	millis := m.Timestamp.UnixMilli()
	kind := "CreateTime"
	from := &record{Partition: &m.Partition, Offset: m.Offset, Timestamp: &millis, TimestampType: kind, Key: m.Key, Value: m.Value, Headers: []header{}}
	for _, h := range m.Headers {
		from.Headers = append(from.Headers, header{string(h.Key), h.Value})
	}
	return from
}

func offsetsForTime(o *options) (int, error) {
	client, err := o.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	for _, partition := range o.oneOf(nil) {
		found, err := client.GetOffset(o.topic, partition, o.timestamp)
		if err != nil {
			return 0, err
		}
		line := map[string]any{"offset": found}
		if found < 0 {
			line["offset"] = nil
		}
		printLine(line)
	}
	return 0, nil
}

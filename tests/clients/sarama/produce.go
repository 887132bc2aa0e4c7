package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/IBM/sarama"
)

// record is the JSON form of what is produced and consumed; encoding/json writes bytes as base64 and nil as null.
type record struct {
	Partition     *int32   `json:"partition"`
	Offset        int64    `json:"offset"`
	Timestamp     *int64   `json:"timestamp"`
	TimestampType string   `json:"timestampType"`
	Key           []byte   `json:"key"`
	Value         []byte   `json:"value"`
	Headers       []header `json:"headers"`
}

type header struct {
	name  string
	value []byte
}

func (h header) MarshalJSON() ([]byte, error) { return json.Marshal([]any{h.name, h.value}) }

func (h *header) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&h.name, &h.value})
}

func produce(o *options) (int, error) {
	config, err := o.producerConfig()
	if err != nil {
		return 0, err
	}
	client, err := o.clientOf(config)
	if err != nil {
		return 0, err
	}
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return 0, err
	}
	if o.transactionalID != "" {
		if err := producer.BeginTxn(); err != nil {
			return 0, err
		}
	}
	messages, err := o.messages()
	if err != nil {
		return 0, err
	}
	printAnswers(send(producer, messages))
	if o.transactionalID != "" && o.outcome == "commit" {
		err = producer.CommitTxn()
	} else if o.transactionalID != "" {
		err = producer.AbortTxn()
	}
	return 0, errors.Join(err, producer.Close(), client.Close())
}

func (o *options) producerConfig() (*sarama.Config, error) {
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	if err := config.Producer.Compression.UnmarshalText([]byte(o.codec)); err != nil {
		return nil, err
	}
	acks, found := map[string]sarama.RequiredAcks{"0": sarama.NoResponse, "1": sarama.WaitForLocal, "all": sarama.WaitForAll}[o.acks]
	if !found {
		return nil, fmt.Errorf("unknown acks %s", o.acks)
	}
	config.Producer.RequiredAcks = acks
	config.Producer.Return.Successes = true
	config.Producer.Flush.Frequency = time.Duration(o.linger) * time.Millisecond
	config.Producer.Flush.Bytes = o.batchBytes
	config.Producer.Partitioner = newPartitioner
	config.Producer.Timeout = o.timeout() / 2
	config.Producer.Idempotent = o.idempotent == "true" || o.idempotent == "" && o.acks == "all"
	// Sarama keeps the order of an idempotent producer only with one request on the way.
	config.Net.MaxOpenRequests = 1
	config.Producer.Transaction.ID = o.transactionalID
	config.Producer.Transaction.Timeout = o.timeout()
	return config, nil
}

// messages are the records of the input, each with its place among them.
func (o *options) messages() ([]*sarama.ProducerMessage, error) {
	var messages []*sarama.ProducerMessage
	for in := json.NewDecoder(os.Stdin); ; {
		var r record
		if err := in.Decode(&r); errors.Is(err, io.EOF) {
			return messages, nil
		} else if err != nil {
			return nil, err
		}
		messages = append(messages, r.toKafka(o.topic, len(messages)))
	}
}

func (r *record) toKafka(topic string, place int) *sarama.ProducerMessage {
	to := &sarama.ProducerMessage{Topic: topic, Partition: -1, Metadata: place}
	// An encoder of nil bytes is an empty key or value, and no encoder is a null.
	if r.Key != nil {
		to.Key = sarama.ByteEncoder(r.Key)
	}
	if r.Value != nil {
		to.Value = sarama.ByteEncoder(r.Value)
	}
	if r.Partition != nil {
		to.Partition = *r.Partition
	}
	if r.Timestamp != nil {
		to.Timestamp = time.UnixMilli(*r.Timestamp)
	}
	for _, h := range r.Headers {
		to.Headers = append(to.Headers, sarama.RecordHeader{Key: []byte(h.name), Value: h.value})
	}
	return to
}

// send waits for an answer for each message.
func send(producer sarama.AsyncProducer, messages []*sarama.ProducerMessage) []map[string]any {
	go func() {
		for _, message := range messages {
			producer.Input() <- message
		}
	}()
	answers := make([]map[string]any, len(messages))
	for range messages {
		select {
		case sent := <-producer.Successes():
			answers[sent.Metadata.(int)] = map[string]any{"partition": sent.Partition, "offset": sent.Offset}
		case failed := <-producer.Errors():
			fmt.Fprintln(os.Stderr, "client:", failed.Err)
			answers[failed.Msg.Metadata.(int)] = map[string]any{"error": errorName(failed.Err)}
		}
	}
	return answers
}

func printAnswers(answers []map[string]any) {
	for _, answer := range answers {
		printLine(answer)
	}
}

// partitioner keeps the partition that a record names and leaves the others to Sarama's default.
type partitioner struct{ sarama.Partitioner }

func newPartitioner(topic string) sarama.Partitioner {
	return partitioner{sarama.NewHashPartitioner(topic)}
}

func (p partitioner) Partition(message *sarama.ProducerMessage, count int32) (int32, error) {
	if message.Partition >= 0 {
		return message.Partition, nil
	}
	return p.Partitioner.Partition(message, count)
}

func (p partitioner) RequiresConsistency() bool { return true }

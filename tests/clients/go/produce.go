package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
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

type header kgo.RecordHeader

func (h header) MarshalJSON() ([]byte, error) { return json.Marshal([]any{h.Key, h.Value}) }

func (h *header) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&h.Key, &h.Value})
}

func produce(o *options) (int, error) {
	opts, err := o.producerOpts()
	if err != nil {
		return 0, err
	}
	client, err := o.client(opts...)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	// franz-go counts RecordDeliveryTimeout from a record's own timestamp, so that a context limits the time.
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout())
	defer cancel()
	if o.transactionalID != "" {
		if err := client.BeginTransaction(); err != nil {
			return 0, err
		}
	}
	answers, err := send(ctx, client)
	if err != nil {
		return 0, err
	}
	for _, answer := range answers {
		printLine(answer)
	}
	if o.transactionalID != "" {
		return 0, client.EndTransaction(context.Background(), kgo.TransactionEndTry(o.outcome == "commit"))
	}
	return 0, nil
}

func (o *options) producerOpts() ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.DefaultProduceTopic(o.topic),
		kgo.ProducerLinger(time.Duration(o.linger) * time.Millisecond),
		kgo.RecordPartitioner(partitioner{kgo.StickyKeyPartitioner(nil)}),
	}
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	codec, found := codecs[o.codec]
	if !found {
		return nil, fmt.Errorf("unknown codec %s", o.codec)
	}
	opts = append(opts, kgo.ProducerBatchCompression(codec))
	acks, found := map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()}[o.acks]
	if !found {
		return nil, fmt.Errorf("unknown acks %s", o.acks)
	}
	opts = append(opts, kgo.RequiredAcks(acks))
	if o.idempotent == "false" || o.idempotent == "" && o.acks != "all" {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	if o.batchBytes > 0 {
		opts = append(opts, kgo.ProducerBatchMaxBytes(int32(o.batchBytes)))
	}
	if o.inFlight > 0 {
		opts = append(opts, kgo.MaxProduceRequestsInflightPerBroker(o.inFlight))
	}
	if o.transactionalID != "" {
		opts = append(opts, kgo.TransactionalID(o.transactionalID))
	}
	return opts, nil
}

// send produces the records of the input and returns an answer for each.
func send(ctx context.Context, client *kgo.Client) ([]map[string]any, error) {
	var answers []map[string]any
	var mutex sync.Mutex
	for in := json.NewDecoder(os.Stdin); ; {
		var r record
		if err := in.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		mutex.Lock()
		i := len(answers)
		answers = append(answers, map[string]any{"error": "CLIENT_TIMEOUT"})
		mutex.Unlock()
		client.Produce(ctx, r.toKafka(), func(sent *kgo.Record, err error) {
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				fmt.Fprintln(os.Stderr, "client:", err)
				answers[i] = map[string]any{"error": errorName(err)}
			} else {
				answers[i] = map[string]any{"partition": sent.Partition, "offset": sent.Offset}
			}
		})
	}
	if err := client.Flush(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	mutex.Lock()
	defer mutex.Unlock()
	return slices.Clone(answers), nil
}

func (r *record) toKafka() *kgo.Record {
	to := &kgo.Record{Key: r.Key, Value: r.Value, Partition: -1}
	if r.Partition != nil {
		to.Partition = *r.Partition
	}
	if r.Timestamp != nil {
		to.Timestamp = time.UnixMilli(*r.Timestamp)
	}
	for _, h := range r.Headers {
		to.Headers = append(to.Headers, kgo.RecordHeader(h))
	}
	return to
}

// partitioner keeps the partition that a record names and leaves the others to franz-go's default.
type partitioner struct{ kgo.Partitioner }

type topicPartitioner struct{ kgo.TopicPartitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.Partitioner.ForTopic(topic)}
}

func (p topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || p.TopicPartitioner.RequiresConsistency(r)
}

func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return p.TopicPartitioner.Partition(r, n)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consume ends after count records, or without a count at the end that each partition had at the start.
func consume(o *options) (int, error) {
	if o.group != "" && o.count < 0 {
		return 0, errors.New("-group needs -count")
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout())
	defer cancel()
	isolation := kgo.ReadUncommitted()
	if o.isolation == "read_committed" {
		isolation = kgo.ReadCommitted()
	}
	opts := []kgo.Opt{kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	var ends map[int32]int64
	if o.group != "" {
		opts = append(opts, kgo.ConsumerGroup(o.group), kgo.ConsumeTopics(o.topic), kgo.DisableAutoCommit())
	} else {
		var err error
		if ends, err = o.ends(ctx); err != nil {
			return 0, err
		}
		opts = append(opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{o.topic: o.starts(ends)}))
	}
	client, err := o.client(opts...)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	read, done := o.poll(ctx, client, ends)
	if !done {
		return 3, nil
	}
	if o.group != "" {
		err := client.CommitRecords(context.Background(), read...)
		if err == nil && o.hold != "" {
			_, err = io.Copy(io.Discard, os.Stdin)
		}
		return 0, err
	}
	return 0, nil
}

// poll prints records and returns them, and whether it came to the end in time.
func (o *options) poll(ctx context.Context, client *kgo.Client, ends map[int32]int64) ([]*kgo.Record, bool) {
	var read []*kgo.Record
	printed := map[string]bool{}
	for {
		if o.count < 0 && len(ends) == 0 || o.count == len(read) {
			return read, true
		}
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return read, false
		}
		fetches.EachError(func(_ string, partition int32, err error) {
			line := map[string]any{"error": errorName(err), "partition": partition}
			if key := fmt.Sprint(line); !printed[key] {
				printed[key] = true
				fmt.Fprintln(os.Stderr, "client:", err)
				printLine(line)
			}
		})
		fetches.EachRecord(func(r *kgo.Record) {
			if end, waiting := ends[r.Partition]; waiting && r.Offset+1 >= end {
				delete(ends, r.Partition)
			}
			if !r.Attrs.IsControl() && o.count != len(read) {
				read = append(read, r)
				printLine(fromKafka(r))
			}
		})
	}
}

func fromKafka(r *kgo.Record) *record {
	millis := r.Timestamp.UnixMilli()
	kind := map[int8]string{-1: "NoTimestampType", 0: "CreateTime", 1: "LogAppendTime"}[r.Attrs.TimestampType()]
	from := &record{Partition: &r.Partition, Offset: r.Offset, Timestamp: &millis, TimestampType: kind, Key: r.Key, Value: r.Value, Headers: []header{}}
	for _, h := range r.Headers {
		from.Headers = append(from.Headers, header(h))
	}
	return from
}

// ends returns the partitions to read that are not empty, and where each ends.
func (o *options) ends(ctx context.Context) (map[int32]int64, error) {
	client, err := o.client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	list := admin.ListEndOffsets
	if o.isolation == "read_committed" {
		list = admin.ListCommittedOffsets
	}
	listed, err := list(ctx, o.topic)
	if err != nil {
		return nil, err
	}
	if err := listed.Error(); err != nil {
		return nil, err
	}
	begins, err := admin.ListStartOffsets(ctx, o.topic)
	if err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	for partition, end := range listed[o.topic] {
		begin, _ := begins.Lookup(o.topic, partition)
		wanted := o.partition == "all" || o.partition == strconv.Itoa(int(partition))
		if wanted && (o.count >= 0 || end.Offset > max(begin.Offset, o.offset)) {
			ends[partition] = end.Offset
		}
	}
	return ends, nil
}

func (o *options) starts(ends map[int32]int64) map[int32]kgo.Offset {
	starts := map[int32]kgo.Offset{}
	for partition := range ends {
		starts[partition] = kgo.NewOffset().AtStart()
		if o.offset >= 0 {
			starts[partition] = kgo.NewOffset().At(o.offset)
		}
	}
	return starts
}

func offsetsForTime(o *options) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), o.timeout())
	defer cancel()
	client, err := o.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	listed, err := kadm.NewClient(client).ListOffsetsAfterMilli(ctx, o.timestamp, o.topic)
	if err != nil {
		return 0, err
	}
	partition, err := strconv.Atoi(o.partition)
	if err != nil {
		return 0, err
	}
	found, _ := listed.Lookup(o.topic, int32(partition))
	line := map[string]any{"offset": found.Offset}
	// franz-go answers with the end of the log when nothing is as late; the timestamp then is -1.
	if found.Timestamp < 0 {
		line["offset"] = nil
	}
	printLine(line)
	return 0, found.Err
}

// The Go client of the tests, on franz-go; ../README.md describes its commands.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// options holds the flags of every command.
type options struct {
	bootstrap, topic, codec, acks, idempotent, transactionalID, outcome string
	partition, group, isolation, hold                                   string
	linger, batchBytes, inFlight, count, timeoutMS, partitions          int
	offset, timestamp                                                   int64
	properties                                                          properties
}

func (o *options) timeout() time.Duration { return time.Duration(o.timeoutMS) * time.Millisecond }

var commands = map[string]func(*options) (int, error){
	"produce":              produce,
	"consume":              consume,
	"offsets-for-time":     offsetsForTime,
	"admin create-topic":   createTopic,
	"admin describe-topic": describeTopic,
	"admin delete-topic":   deleteTopic,
}

func main() {
	words := 1
	if len(os.Args) > 2 && os.Args[1] == "admin" {
		words = 2
	}
	run := commands[strings.Join(os.Args[1:min(1+words, len(os.Args))], " ")]
	if run == nil {
		fmt.Fprintln(os.Stderr, "usage: client produce|consume|offsets-for-time|admin …")
		os.Exit(64)
	}
	o := options{properties: properties{}}
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	flags.StringVar(&o.bootstrap, "bootstrap", "", "")
	flags.StringVar(&o.topic, "topic", "", "")
	flags.StringVar(&o.codec, "codec", "none", "")
	flags.StringVar(&o.acks, "acks", "all", "")
	flags.StringVar(&o.idempotent, "idempotent", "", "")
	flags.StringVar(&o.transactionalID, "transactional-id", "", "")
	flags.StringVar(&o.outcome, "outcome", "commit", "")
	flags.StringVar(&o.partition, "partition", "all", "")
	flags.StringVar(&o.group, "group", "", "")
	flags.StringVar(&o.isolation, "isolation", "read_uncommitted", "")
	flags.StringVar(&o.hold, "hold", "", "")
	flags.IntVar(&o.linger, "linger", 5, "")
	flags.IntVar(&o.batchBytes, "batch-bytes", 0, "")
	flags.IntVar(&o.inFlight, "in-flight", 0, "")
	flags.IntVar(&o.count, "count", -1, "")
	flags.IntVar(&o.timeoutMS, "timeout-ms", 20000, "")
	flags.IntVar(&o.partitions, "partitions", 1, "")
	flags.Int64Var(&o.offset, "offset", -1, "")
	flags.Int64Var(&o.timestamp, "timestamp", 0, "")
	flags.Var(o.properties, "property", "")
	if flags.Parse(os.Args[1+words:]) != nil {
		os.Exit(64)
	}
	code, err := run(&o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		printLine(map[string]any{"error": errorName(err)})
		code = 1
	}
	os.Exit(code)
}

func printLine(line any) {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		os.Exit(1)
	}
}

// errorName is Kafka's name, CLIENT_TIMEOUT, or the Go type after an underscore.
func errorName(err error) string {
	var known *kerr.Error
	if errors.As(err, &known) {
		return known.Message
	}
	if errors.Is(err, kgo.ErrRecordTimeout) || errors.Is(err, kgo.ErrRecordRetries) || errors.Is(err, context.DeadlineExceeded) {
		return "CLIENT_TIMEOUT"
	}
	if strings.Contains(err.Error(), "does not match calculated crc") {
		return "CORRUPT_MESSAGE"
	}
	return "_" + strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
}

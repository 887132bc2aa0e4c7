// The Sarama client of the tests; ../README.md describes its commands.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
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
	flags.Int64Var(&o.offset, "offset", sarama.OffsetOldest, "")
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

// config is what all commands have in common, and the properties. The version is the newest that Sarama speaks.
func (o *options) config() (*sarama.Config, error) {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Consumer.Return.Errors = true
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Metadata.AllowAutoTopicCreation = false
	if o.isolation == "read_committed" {
		config.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	return config, o.properties.apply(config)
}

func (o *options) client() (sarama.Client, error) {
	config, err := o.config()
	if err != nil {
		return nil, err
	}
	return o.clientOf(config)
}

func (o *options) clientOf(config *sarama.Config) (sarama.Client, error) {
	return sarama.NewClient(strings.Split(o.bootstrap, ","), config)
}

func (o *options) oneOf(partitions []int32) []int32 {
	if o.partition == "all" {
		return partitions
	}
	partition, err := strconv.Atoi(o.partition)
	if err != nil {
		return nil
	}
	return []int32{int32(partition)}
}

func printLine(line any) {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		os.Exit(1)
	}
}

// names are Kafka's for the errors that the tests look for; Sarama has numbers and sentences only.
var names = map[sarama.KError]string{
	sarama.ErrInvalidMessage:              "CORRUPT_MESSAGE",
	sarama.ErrUnknownTopicOrPartition:     "UNKNOWN_TOPIC_OR_PARTITION",
	sarama.ErrMessageSizeTooLarge:         "MESSAGE_TOO_LARGE",
	sarama.ErrInvalidRecord:               "INVALID_RECORD",
	sarama.ErrPolicyViolation:             "POLICY_VIOLATION",
	sarama.ErrTopicAuthorizationFailed:    "TOPIC_AUTHORIZATION_FAILED",
	sarama.ErrNotEnoughReplicas:           "NOT_ENOUGH_REPLICAS",
	sarama.ErrUnsupportedForMessageFormat: "UNSUPPORTED_FOR_MESSAGE_FORMAT",
	sarama.ErrUnsupportedVersion:          "UNSUPPORTED_VERSION",
}

func errorName(err error) string {
	var known sarama.KError
	if errors.As(err, &known) {
		if name, found := names[known]; found {
			return name
		}
		return fmt.Sprintf("_KError%d", int16(known))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "CLIENT_TIMEOUT"
	}
	return "_" + strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
}

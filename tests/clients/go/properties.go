package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// properties are librdkafka's names of what franz-go sets in code.
type properties map[string]string

func (p properties) String() string { return "" }

// Set takes one --property name=value.
func (p properties) Set(pair string) error {
	name, value, found := strings.Cut(pair, "=")
	if !found {
		return fmt.Errorf("--property needs name=value")
	}
	p[name] = value
	return nil
}

// client makes a client from the options that every command has, and its own.
func (o *options) client(own ...kgo.Opt) (*kgo.Client, error) {
	opts := append([]kgo.Opt{kgo.SeedBrokers(strings.Split(o.bootstrap, ",")...), kgo.FetchMaxWait(100 * time.Millisecond)}, own...)
	more, err := o.properties.opts()
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(opts, more...)...)
}

func (p properties) opts() ([]kgo.Opt, error) {
	var opts []kgo.Opt
	var secure tls.Config
	for name, value := range p {
		switch name {
		case "client.id":
			opts = append(opts, kgo.ClientID(value))
		case "fetch.max.bytes", "max.partition.fetch.bytes", "metadata.max.age.ms":
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, err
			}
			opts = append(opts, numeric(name, n))
		case "ssl.ca.location":
			pem, err := os.ReadFile(value)
			if err != nil {
				return nil, err
			}
			secure.RootCAs = x509.NewCertPool()
			if !secure.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("no certificate in %s", value)
			}
		case "ssl.certificate.location":
			pair, err := tls.LoadX509KeyPair(value, p["ssl.key.location"])
			if err != nil {
				return nil, err
			}
			secure.Certificates = []tls.Certificate{pair}
		case "sasl.mechanism":
			opt, err := p.sasl(value)
			if err != nil {
				return nil, err
			}
			opts = append(opts, opt)
		case "security.protocol", "ssl.key.location", "sasl.username", "sasl.password":
		default:
			return nil, fmt.Errorf("unknown property %s", name)
		}
	}
	if strings.HasSuffix(strings.ToUpper(p["security.protocol"]), "SSL") {
		opts = append(opts, kgo.DialTLSConfig(&secure))
	}
	return opts, nil
}

func numeric(name string, n int) kgo.Opt {
	switch name {
	case "fetch.max.bytes":
		return kgo.FetchMaxBytes(int32(n))
	case "max.partition.fetch.bytes":
		return kgo.FetchMaxPartitionBytes(int32(n))
	default:
		return kgo.MetadataMaxAge(time.Duration(n) * time.Millisecond)
	}
}

func (p properties) sasl(mechanism string) (kgo.Opt, error) {
	user, password := p["sasl.username"], p["sasl.password"]
	switch mechanism {
	case "PLAIN":
		return kgo.SASL(plain.Auth{User: user, Pass: password}.AsMechanism()), nil
	case "SCRAM-SHA-256":
		return kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha256Mechanism()), nil
	case "SCRAM-SHA-512":
		return kgo.SASL(scram.Auth{User: user, Pass: password}.AsSha512Mechanism()), nil
	}
	return nil, fmt.Errorf("unknown mechanism %s", mechanism)
}

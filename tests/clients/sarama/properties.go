package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// properties are librdkafka's names of what Sarama sets in code.
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

func (p properties) apply(config *sarama.Config) error {
	var secure tls.Config
	for name, value := range p {
		switch name {
		case "client.id":
			config.ClientID = value
		case "ssl.ca.location":
			pem, err := os.ReadFile(value)
			if err != nil {
				return err
			}
			secure.RootCAs = x509.NewCertPool()
			if !secure.RootCAs.AppendCertsFromPEM(pem) {
				return fmt.Errorf("no certificate in %s", value)
			}
		case "ssl.certificate.location":
			pair, err := tls.LoadX509KeyPair(value, p["ssl.key.location"])
			if err != nil {
				return err
			}
			secure.Certificates = []tls.Certificate{pair}
		case "security.protocol", "ssl.key.location", "sasl.mechanism", "sasl.username", "sasl.password":
		default:
			return fmt.Errorf("unknown property %s", name)
		}
	}
	protocol := strings.ToUpper(p["security.protocol"])
	if strings.HasSuffix(protocol, "SSL") {
		config.Net.TLS.Enable = true
		config.Net.TLS.Config = &secure
	}
	if strings.HasPrefix(protocol, "SASL") {
		return p.authenticate(config)
	}
	return nil
}

func (p properties) authenticate(config *sarama.Config) error {
	sasl := &config.Net.SASL
	sasl.Enable = true
	sasl.Mechanism = sarama.SASLMechanism(p["sasl.mechanism"])
	sasl.User, sasl.Password = p["sasl.username"], p["sasl.password"]
	switch sasl.Mechanism {
	case sarama.SASLTypePlaintext:
	case sarama.SASLTypeSCRAMSHA256:
		sasl.SCRAMClientGeneratorFunc = exchangeWith(scram.SHA256)
	case sarama.SASLTypeSCRAMSHA512:
		sasl.SCRAMClientGeneratorFunc = exchangeWith(scram.SHA512)
	default:
		return fmt.Errorf("unknown mechanism %s", sasl.Mechanism)
	}
	return nil
}

// exchange is one authentication by SCRAM, of which Sarama has the frame only.
type exchange struct {
	hash scram.HashGeneratorFcn
	*scram.ClientConversation
}

func exchangeWith(hash scram.HashGeneratorFcn) func() sarama.SCRAMClient {
	return func() sarama.SCRAMClient { return &exchange{hash: hash} }
}

func (e *exchange) Begin(user, password, authzID string) error {
	client, err := e.hash.NewClient(user, password, authzID)
	if err != nil {
		return err
	}
	e.ClientConversation = client.NewConversation()
	return nil
}

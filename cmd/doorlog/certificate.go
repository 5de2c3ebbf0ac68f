package main

import (
	"crypto/tls"
	"fmt"
	"strings"
	"sync/atomic"
)

// A certificate is that of the server, with its private key. It can be read again while the server runs.
type certificate struct {
	file, key string // empty: there is none
	now       atomic.Pointer[tls.Certificate]
}

// load reads the files. After an error the server goes on with what it had.
func (c *certificate) load() error {
	if c.file == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.file, c.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %s", c.file, c.key, strings.TrimPrefix(err.Error(), "tls: "))
	}
	c.now.Store(&pair)
	return nil
}

// config returns the configuration of TLS, or nil if there is no certificate.
func (c *certificate) config() *tls.Config {
	if c.file == "" {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil },
	}
}

// Package client is a store that another process has open: its methods are those of
// [doorlog.Store], and go over HTTP or a Unix socket to a server of package web ("doorlog serve").
//
//	c, err := client.Open(ctx, client.Socket("events.db"), nil)
//	…
//	defer c.Close()
//	e, err := c.WriteEventWithFrame(ctx, doorlog.Event{
//		Camera: "front_door", RecordedAt: time.Now(), Type: doorlog.Motion,
//	}, frame)
//	events, err := c.Recent(ctx, 20)
//
// Errors are those of the library, with the same texts: use errors.Is with [doorlog.ErrNotFound] and
// the others, and errors.As with [doorlog.FieldError]. What else can go wrong is
//
//   - no answer: [ErrUnreachable]. A read is tried a second time if the connection had been idle. A
//     write is tried again, for as long as [Options] say. It is stored once however often it is sent,
//     because the client gives each event its ID before it sends it. If there is still no answer,
//     the error is [doorlog.ErrUnknownOutcome] as well: the event may or may not be stored.
//   - the server refuses the caller: [ErrUnauthorized], [ErrForbidden], [ErrTooMany].
//   - there is another server than expected: [ErrNotServer], [ErrVersion].
//
// Calls that look after the store, such as Prune and Compact, report their progress to the function
// of [doorlog.WithProgress]. They end if the connection breaks, like the calls of the library when
// their context ends, and are not tried again.
//
// # Reading the code
//
// client.go has the address, attempt.go one request and its answer, and retry.go what is done when
// there is none. The others have the methods: events, write, updates, persons, changes, consumer,
// care, backup, analytics, tokens. long.go is for calls that report their progress.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/unixsock"
	"github.com/doorlog/doorlog/internal/wire"
)

// Errors that only a client has. Tell them apart with errors.Is.
var (
	// ErrUnreachable: the server could not be reached, or did not answer. The text has its address.
	ErrUnreachable = errors.New("no answer from the server")

	// ErrNotServer: what answers at the address is no doorlog server.
	ErrNotServer = errors.New("not a doorlog server")

	// ErrVersion: the server speaks another version of the API.
	ErrVersion = errors.New("another version of the API")

	// ErrUnauthorized: there is no token, or it is not valid.
	ErrUnauthorized = wire.ErrUnauthorized

	// ErrForbidden: the token does not allow that.
	ErrForbidden = wire.ErrForbidden

	// ErrTooMany: the server has too many requests or streams.
	ErrTooMany = wire.ErrTooMany
)

// Options configure a [Client]. The zero value works; nil means defaults.
type Options struct {
	// Token is sent with each request. Requests over a Unix socket, and most over loopback, need none.
	Token string

	// TLS is for https addresses.
	TLS *tls.Config

	// HTTPClient sends the requests. Default: one that connects to the address, directly or by the proxy
	// of the environment. If it is set, TLS has no effect, and the address cannot be a Unix socket. Its
	// Timeout should be 0: it would cut backups and other long calls.
	HTTPClient *http.Client

	// Retry is how long a write is tried again if it gets no answer. Negative: not at all. Default: 30 s.
	Retry time.Duration

	// IdleTimeout is how long the server may be silent during a call before the connection is given
	// up. A server in a long call is not: it sends a sign of life. Negative: for ever. Default: 1 min.
	IdleTimeout time.Duration
}

const (
	defaultRetry = 30 * time.Second
	defaultIdle  = time.Minute
)

// A Client is a store that another process has open. It is safe for concurrent use.
type Client struct {
	address string // for errors
	base    string // URL without a slash at the end
	http    *http.Client
	opt     Options
	ids     idSource
	closed  atomic.Bool
	life    context.Context // ends with Close
	end     context.CancelFunc
}

// Socket returns the address of the server that has the store in the file at path open, on this
// machine: that of the Unix socket beside the file.
func Socket(path string) string { return unixScheme + unixsock.Path(path) }

const unixScheme = "unix:"

// Open returns a client of the server at address, which is a URL such as http://127.0.0.1:7780 or
// https://host/path, or unix: and the path of a Unix socket (see [Socket]). It asks the server who it is:
// the error is [ErrUnreachable] if it does not answer, [ErrNotServer] if it is no doorlog server, and
// [ErrVersion] if it speaks another version of the API. ctx is for Open alone.
func Open(ctx context.Context, address string, options *Options) (*Client, error) {
	c, err := newClient(address, options)
	if err != nil {
		return nil, err
	}
	if err := c.greet(ctx); err != nil {
		c.end()
		c.http.CloseIdleConnections()
		return nil, err
	}
	return c, nil
}

func newClient(address string, options *Options) (*Client, error) {
	c := &Client{address: address}
	if options != nil {
		c.opt = *options
	}
	if c.opt.Retry == 0 {
		c.opt.Retry = defaultRetry
	}
	if c.opt.IdleTimeout == 0 {
		c.opt.IdleTimeout = defaultIdle
	}
	if err := c.connectTo(address); err != nil {
		return nil, fmt.Errorf("doorlog: open %s: %w", address, err)
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

// connectTo sets base and http.
func (c *Client) connectTo(address string) error {
	if path, ok := strings.CutPrefix(address, unixScheme); ok {
		if path = filepath.Clean(path); path == "." || c.opt.HTTPClient != nil {
			return &doorlog.FieldError{Field: "address", Problem: "needs the path of a socket, and no Options.HTTPClient"}
		}
		c.base = "http://localhost"
		c.http = &http.Client{Transport: &http.Transport{
			DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return unixsock.Dial(ctx, path) },
			MaxIdleConnsPerHost: mostIdle, IdleConnTimeout: idleConnTime, DisableCompression: true,
		}}
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return &doorlog.FieldError{Field: "address", Problem: "is none such as http://127.0.0.1:7780, https://host or unix:/path/events.db.sock"}
	}
	c.base = strings.TrimRight(u.String(), "/")
	if c.opt.HTTPClient != nil {
		own := *c.opt.HTTPClient
		c.http = &own
		return nil
	}
	c.http = &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, TLSClientConfig: c.opt.TLS,
		TLSHandshakeTimeout: dialTime, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: mostIdle, IdleConnTimeout: idleConnTime,
		DisableCompression: isLoopback(u.Hostname()),
	}}
	return nil
}

// isLoopback reports whether a host is this machine, to which the way is fast.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

const (
	mostIdle     = 64 // connections, so that as many goroutines need not connect for each call
	idleConnTime = 90 * time.Second
	dialTime     = 10 * time.Second
)

// Close ends all calls and loops of the client; later ones return [doorlog.ErrClosed]. The store stays
// open. It returns nil.
func (c *Client) Close() error {
	c.closed.Store(true)
	c.end()
	c.http.CloseIdleConnections()
	return nil
}

// A Server is what a server says of itself.
type Server struct {
	Name    string     `json:"name"` // "doorlog"
	Version string     `json:"version"`
	StoreID doorlog.ID `json:"store_id"`
	API     int        `json:"api"`   // the version of the API
	Grant   Grant      `json:"grant"` // what the caller may do
	Now     time.Time  `json:"now"`   // what the clock of the server says
	Zone    string     `json:"zone"`  // the name of its time zone; empty if it has none

	// Thumbnails is the path of the thumbnail folder on the machine of the server. It is told only
	// over a Unix socket.
	Thumbnails string `json:"thumbnails"`
}

// Server asks the server who it is, and what the caller may do.
func (c *Client) Server(ctx context.Context) (Server, error) {
	return get[Server](ctx, c, "ask the server", "/v1/server", nil)
}

// greet checks that a server that can be spoken with answers.
func (c *Client) greet(ctx context.Context) error {
	s, err := get[Server](ctx, c, "open "+c.address, "/v1/server", nil)
	switch {
	case errors.Is(err, ErrForbidden): // a token that may only write is none the worse for it
		return nil
	case err != nil:
		return err
	case s.Name != "doorlog":
		return fmt.Errorf("doorlog: open %s: %w", c.address, ErrNotServer)
	case s.API != wire.APIVersion:
		return fmt.Errorf("doorlog: open %s: the server speaks version %d of the API, and this client version %d: %w", c.address, s.API, wire.APIVersion, ErrVersion)
	}
	return nil
}

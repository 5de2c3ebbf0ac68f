package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/unixsock"
)

// ServeOptions configure [Serve]. The zero value works; nil means defaults.
type ServeOptions struct {
	Options

	// Socket is the path of the Unix socket. Default: SocketPath of the store's file. "-" means none. At
	// another path than that it is an error if another server answers there.
	Socket string

	// Addresses are where it listens for TCP. Default: 127.0.0.1:7780. An address that is not a loopback
	// one needs tokens, and TLS unless InsecureHTTP is set. A slice with one empty string means none.
	Addresses []string

	// Listeners are listeners that are open already, as a service manager passes them. If there are any
	// Socket and Addresses have no defaults. Serve closes them. The rules for addresses hold for them, too.
	// Who may open a Unix socket that is passed is not checked.
	Listeners []net.Listener

	// TLS is for the addresses that are not loopback ones.
	TLS          *tls.Config
	InsecureHTTP bool

	// Extra are further handlers, by path, such as "/metrics". They are guarded like the API and need
	// a token that may read.
	Extra map[string]http.Handler

	// Drain is how long requests may go on after ctx has ended. Default: 10 s. Streams end at once.
	Drain time.Duration

	// Ready, if not nil, is called when all listeners are open, with their addresses.
	Ready func(addresses []net.Addr)
}

// SocketPath returns the path of the socket of the store at path: beside it. If path is a symbolic link,
// it is beside the file that the link leads to.
func SocketPath(path string) string { return unixsock.Path(path) }

// drainTime is the default of ServeOptions.Drain.
const drainTime = 10 * time.Second

// Serve serves the store until ctx ends. Then it lets the requests that have begun end, closes the
// listeners and returns nil. It returns an error if it cannot listen, or not as it is asked to; then it
// has closed all listeners, also those that were passed.
func Serve(ctx context.Context, st *doorlog.Store, options *ServeOptions) error {
	if options == nil {
		options = &ServeOptions{}
	}
	return newServer(st, &options.Options).listenAndServe(ctx, options)
}

func (s *server) listenAndServe(ctx context.Context, options *ServeOptions) error {
	s.extra, s.draining = options.Extra, make(chan struct{})
	open, err := s.listen(options)
	if err != nil {
		return fmt.Errorf("doorlog: serve %s: %w", s.st.Path(), err)
	}
	if options.Ready != nil {
		options.Ready(open.addresses())
	}
	if err := s.serveAll(ctx, open, options); err != nil {
		return fmt.Errorf("doorlog: serve %s: %w", s.st.Path(), err)
	}
	return nil
}

// serveAll serves all listeners until ctx ends or one of them fails.
func (s *server) serveAll(ctx context.Context, open *listeners, options *ServeOptions) error {
	life, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var running sync.RWMutex // each request has it for reading
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.RLock()
			defer running.RUnlock()
			s.ServeHTTP(w, r)
		}),
		TLSConfig:                    tlsConfig(options.TLS),
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            s.limits.header,
		IdleTimeout:                  s.limits.idle,
		MaxHeaderBytes:               headerBytes,
		ErrorLog:                     slogLogger(s.opt.Logger),
		BaseContext:                  func(net.Listener) context.Context { return life },
	}
	ended := make(chan error, len(open.all))
	for _, ln := range open.all {
		go func() {
			if ln.tls {
				ended <- srv.ServeTLS(ln, "", "")
			} else {
				ended <- srv.Serve(ln)
			}
		}()
	}
	var failure error
	left := len(open.all)
	select {
	case <-ctx.Done():
	case failure = <-ended:
		left--
	}
	s.drain()
	failure = errors.Join(failure, shutDown(srv, options.Drain))
	cut()
	for ; left > 0; left-- {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			failure = errors.Join(failure, err)
		}
	}
	waitFor(&running, s.limits.cut)
	return failure
}

// drain ends all streams.
func (s *server) drain() {
	close(s.draining)
	s.feed.drain()
}

// shutDown closes the listeners, waits until the requests that have begun have ended, and cuts those
// that last longer than patience.
func shutDown(srv *http.Server, patience time.Duration) error {
	if patience <= 0 {
		patience = drainTime
	}
	wait, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := srv.Shutdown(wait)
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return errors.Join(err, srv.Close())
}

// waitFor waits until all requests have ended, at most for so long.
func waitFor(running *sync.RWMutex, patience time.Duration) {
	done := make(chan struct{})
	go func() {
		running.Lock()
		running.Unlock() //nolint:staticcheck // to have had it is all
		close(done)
	}()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-done:
	case <-timeout.C:
	}
}

// tlsConfig returns the configuration of a server.
func tlsConfig(config *tls.Config) *tls.Config {
	if config == nil {
		return nil
	}
	config = config.Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	if len(config.NextProtos) == 0 { // net/http does that too late for a server that also listens without TLS
		config.NextProtos = []string{"h2", "http/1.1"}
	}
	return config
}

// slogLogger is for what net/http has to say, which is of use to whoever looks for a fault of a client.
func slogLogger(to *slog.Logger) *log.Logger { return slog.NewLogLogger(to.Handler(), slog.LevelDebug) }

package web

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/doorlog/doorlog/internal/fsx"
	"github.com/doorlog/doorlog/internal/unixsock"
)

// DefaultAddress is where [Serve] listens if nothing else is asked for.
const DefaultAddress = "127.0.0.1:7780"

// A listener accepts a limited number of connections.
type listener struct {
	net.Listener
	tls    bool
	places chan struct{}
	closed chan struct{}
	close  func() error
}

// listeners are those of one server.
type listeners struct{ all []*listener }

func (l *listeners) addresses() []net.Addr {
	addresses := make([]net.Addr, len(l.all))
	for i, ln := range l.all {
		addresses[i] = ln.Addr()
	}
	return addresses
}

func (l *listeners) add(ln net.Listener, tls bool, places chan struct{}) {
	closed := make(chan struct{})
	l.all = append(l.all, &listener{Listener: ln, tls: tls, places: places, closed: closed, close: sync.OnceValue(func() error {
		close(closed)
		return ln.Close()
	})})
}

// listen opens all listeners, or none.
func (s *server) listen(options *ServeOptions) (*listeners, error) {
	open := &listeners{}
	// Those of the sockets have places of their own: what comes over the network cannot take them.
	local, remote := make(chan struct{}, s.limits.connections), make(chan struct{}, s.limits.connections)
	err := checkHosts(options.Hosts)
	if err == nil {
		err = s.listenPassed(options, open, local, remote)
	}
	if err == nil {
		err = s.listenTCP(options, open, remote)
	}
	if err == nil {
		err = s.listenSocket(options, open, local)
	}
	if err == nil && len(open.all) == 0 {
		err = errors.New("there is nothing to listen on: neither a socket nor an address")
	}
	if err == nil {
		return open, nil
	}
	for _, ln := range open.all {
		err = errors.Join(err, ln.Close())
	}
	for _, ln := range options.Listeners {
		_ = ln.Close() // some were closed above
	}
	return nil, err
}

// checkHosts returns an error if one of the names could not be in a Host header.
func checkHosts(hosts []string) error {
	for _, host := range hosts {
		if _, ok := hostName(host); !ok {
			return fmt.Errorf("%.100q is no name of a host (Options.Hosts)", host)
		}
	}
	return nil
}

// listenPassed takes the listeners that are open already.
func (s *server) listenPassed(options *ServeOptions, open *listeners, local, remote chan struct{}) error {
	for _, ln := range options.Listeners {
		if ln.Addr().Network() == "unix" {
			open.add(ln, false, local)
			continue
		}
		useTLS, err := s.judge(ln.Addr(), options)
		if err != nil {
			return err
		}
		open.add(ln, useTLS, remote)
	}
	return nil
}

// listenTCP listens on the addresses that are asked for.
func (s *server) listenTCP(options *ServeOptions, open *listeners, places chan struct{}) error {
	addresses := options.Addresses
	if len(addresses) == 0 && len(options.Listeners) == 0 {
		addresses = []string{DefaultAddress}
	}
	if slices.Equal(addresses, []string{""}) {
		return nil
	}
	for _, address := range addresses {
		if address == "" { // which would be any port of all addresses
			return errors.New("an address is empty")
		}
		at, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			return err
		}
		useTLS, err := s.judge(at, options)
		if err != nil {
			return err
		}
		network := "tcp"
		if at.IP.To4() != nil { // else 0.0.0.0 stands for the addresses of IPv6, too
			network = "tcp4"
		}
		ln, err := net.ListenTCP(network, at)
		if err != nil {
			return err
		}
		open.add(ln, useTLS, places)
	}
	return nil
}

// judge returns an error if the server must not listen on an address, or else whether it uses TLS there.
func (s *server) judge(address net.Addr, options *ServeOptions) (useTLS bool, err error) {
	if isLoopback(address.String()) {
		return false, nil
	}
	tokens, err := s.tokens.List()
	switch {
	case err != nil:
		return false, err
	case len(tokens) == 0:
		return false, fmt.Errorf("listen on %s: it is no loopback address, so requests need tokens, and there are none: add one first", address)
	case options.TLS == nil && !options.InsecureHTTP:
		return false, fmt.Errorf("listen on %s: it is no loopback address, so it needs TLS: "+
			"give a certificate, or say that tokens and events may go over the network unencrypted (InsecureHTTP)", address)
	}
	return options.TLS != nil, nil
}

// listenSocket listens on the Unix socket.
func (s *server) listenSocket(options *ServeOptions, open *listeners, places chan struct{}) error {
	path := options.Socket
	if path == "-" || path == "" && len(options.Listeners) > 0 {
		return nil
	}
	// If this store has its file for itself, no other server has a right to the socket beside it. A socket
	// elsewhere may be that of a server of another store.
	own := fsx.Absolute(SocketPath(s.st.Path()))
	path = fsx.Absolute(cmp.Or(path, own))
	ln, err := unixsock.Listen(path, s.st.ReadOnly() || path != own)
	if err != nil {
		return err
	}
	open.add(ln, false, places)
	return nil
}

// Accept returns the next connection, when there is a place for it.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	accepted, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &conn{Conn: accepted, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close stops listening.
func (l *listener) Close() error { return l.close() }

// A conn is a connection that has a place until it is closed.
type conn struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (c *conn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite is for net/http: the client is to read the answer before it hears that the connection is closed.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorlog/doorlog/internal/wire"
)

// A sender is what is known of whoever sent a request, before any token.
type sender struct {
	socket   bool // it came over a Unix socket
	loopback bool // both ends of its connection are on loopback addresses
	proxied  bool // a header says that it came through a proxy
}

func senderOf(r *http.Request) sender {
	var from sender
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return from
	}
	from.socket = local.Network() == "unix"
	from.loopback = !from.socket && isLoopback(local.String()) && isLoopback(r.RemoteAddr)
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			from.proxied = true
		}
	}
	return from
}

// isLoopback reports whether address, an IP address with a port, is a loopback one.
func isLoopback(address string) bool {
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// guard lets the sender of a request use the store as far as it may. It returns an error if that is less
// than the route needs.
func (s *server) guard(r *http.Request, from sender, needs need) (*access, error) {
	if err := s.checkOrigin(r, from); err != nil {
		return nil, err
	}
	a := &access{st: s.st, tokens: s.tokens}
	secret, bearer := bearerOf(r)
	switch {
	case needs == public: // a token that is not needed is not looked at
		return a, nil
	case !bearer && s.trusts(from):
		a.grant = everything
		return a, nil
	case !bearer:
		var err error
		if secret, err = s.cookieOf(r); err != nil {
			return nil, err
		}
	}
	if secret == "" {
		return nil, wire.ErrUnauthorized
	}
	grant, err := s.admit(r, secret)
	if err != nil {
		return nil, err
	}
	a.grant = grant
	a.again = func() (Grant, error) { return s.grantOf(secret) }
	return a, a.may(needs, r.Method+" "+r.URL.Path)
}

// trusts reports whether a sender may do everything without a token.
func (s *server) trusts(from sender) bool {
	return !from.proxied && (from.socket || from.loopback && !s.opt.RequireToken)
}

// checkHost returns an error if a request over loopback does not ask for a name of this machine. A page
// from elsewhere whose name was made to lead here (DNS rebinding) has its own name in its requests. To a
// browser it is of one origin with the server, so nothing else tells it apart.
func (s *server) checkHost(r *http.Request, from sender) error {
	if !from.loopback || from.proxied { // then a token is needed, which such a page does not have
		return nil
	}
	name, ok := hostName(r.Host)
	if ok && (isLoopbackName(name) || slices.Contains(s.hosts, name)) {
		return nil
	}
	return wire.BadRequest(http.StatusMisdirectedRequest,
		fmt.Sprintf("the Host header names %.100q, which is no name of this machine (see Options.Hosts)", r.Host))
}

// hostName returns the name of a Host header in lower case, without its port. ok is false if the header
// is not well formed.
func hostName(host string) (name string, ok bool) {
	port := ""
	if rest, is := strings.CutPrefix(host, "["); is {
		if name, port, ok = strings.Cut(rest, "]"); !ok {
			return "", false
		}
		if at, err := netip.ParseAddr(name); err != nil || !at.Is6() || at.Zone() != "" {
			return "", false
		}
		if port != "" && port[0] != ':' {
			return "", false
		}
		port = strings.TrimPrefix(port, ":")
	} else {
		name, port, _ = strings.Cut(host, ":")
	}
	if port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", false
		}
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")), name != ""
}

// isLoopbackName reports whether a name always leads to the machine itself (RFC 6761).
func isLoopbackName(name string) bool {
	if at, err := netip.ParseAddr(name); err == nil {
		return at.Unmap().IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// checkOrigin returns an error if a page of another origin made a browser send the request. Such a page
// cannot read answers, but it could change something, or keep the server busy.
func (s *server) checkOrigin(r *http.Request, from sender) error {
	if from.socket && !from.proxied { // no browser
		return nil
	}
	if _, bearer := bearerOf(r); bearer && r.Header.Get("Origin") == "" {
		return nil
	}
	err := s.origins.Check(r)
	if err == nil && isForeignRead(r) {
		err = errors.New("cross-origin request detected from Sec-Fetch-Site header")
	}
	if err != nil {
		return wire.BadRequest(http.StatusForbidden, err.Error())
	}
	return nil
}

// isForeignRead reports whether a page of another site loads something from here into itself. To
// follow a link to here is something else.
func isForeignRead(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
	}
	return false
}

// bearerOf returns the token in the Authorization header, and whether there is one.
func bearerOf(r *http.Request) (secret string, ok bool) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), strings.EqualFold(scheme, "Bearer")
}

// cookieOf returns the token in the cookie of this store; empty if there is none.
func (s *server) cookieOf(r *http.Request) (string, error) {
	if len(r.Header["Cookie"]) == 0 {
		return "", nil
	}
	name, err := s.cookieName(r.Context())
	if err != nil {
		return "", err
	}
	if cookie, err := r.Cookie(name); err == nil {
		return cookie.Value, nil
	}
	return "", nil
}

// cookieName is that of the cookie of this store: servers on several ports of a machine share cookies.
func (s *server) cookieName(ctx context.Context) (string, error) {
	id, err := s.id(ctx)
	return "doorlog_" + id.String()[:8], err
}

// admit returns what the token with this secret allows. Failures are limited in number.
func (s *server) admit(r *http.Request, secret string) (Grant, error) {
	grant, err := s.grantOf(secret)
	if errors.Is(err, wire.ErrUnauthorized) {
		if wait := s.failures.add(r.RemoteAddr); wait > 0 {
			err = &retryError{wait, fmt.Errorf("%w with tokens that are not valid", wire.ErrTooMany)}
		}
	}
	return grant, err
}

// grantOf returns what the token with this secret allows; wire.ErrUnauthorized if there is none.
func (s *server) grantOf(secret string) (Grant, error) {
	token, ok, err := s.tokens.find(secret)
	switch {
	case err != nil:
		s.logOnce(err)
		return Grant{}, wire.BadRequest(http.StatusServiceUnavailable, "the tokens of the server cannot be read; its log says why")
	case !ok:
		return Grant{}, fmt.Errorf("%w: this one is not valid", wire.ErrUnauthorized)
	}
	return token.Grant, nil
}

// A retryError is refused now, and may be tried again after a while.
type retryError struct {
	after time.Duration
	error
}

func (e *retryError) Unwrap() error { return e.error }

// seconds is how long to wait, for Retry-After.
func (e *retryError) seconds() string {
	return strconv.Itoa(max(1, int((e.after+time.Second-1)/time.Second)))
}

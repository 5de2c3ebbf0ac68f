package web

import (
	"context"
	"net/http"
	"time"

	"github.com/doorlog/doorlog"
)

// ServeImpatiently is Serve with a server that waits this long where Serve waits longer, and lets in so
// many connections.
func ServeImpatiently(ctx context.Context, st *doorlog.Store, options *ServeOptions, patience time.Duration, connections int) error {
	s := newServer(st, &options.Options)
	s.limits = limits{
		header: patience, idle: patience, body: patience, slowest: 1 << 10, line: patience, write: patience, cut: patience, connections: connections,
	}
	return s.listenAndServe(ctx, options)
}

// FailuresOf returns how long each of these addresses must wait when they send a token that is not valid, in turn.
func FailuresOf(addresses []string) (waits []time.Duration) {
	var f failures
	for _, at := range addresses {
		waits = append(waits, f.add(at))
	}
	return waits
}

// MaxConnections is how many connections Serve lets in.
func MaxConnections() int { return maxConnections() }

// Unguarded returns a handler that serves like Handler, but asks nobody who he is: all have this grant. So only
// access stands between them and the store.
func Unguarded(st *doorlog.Store, grant Grant) http.Handler {
	s := newServer(st, nil)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w := newResponse(rw, r, &s.limits)
		w.timeBody(r)
		rt, params, err := find(r.Method, r.URL.EscapedPath())
		if err == nil {
			err = s.answer(w, r, rt, params, &access{st: st, tokens: s.tokens, grant: grant})
		}
		if err != nil {
			s.fail(w, r, rt.pattern, err)
		}
	})
}

// FeedReaders returns how many read changes now, of the servers of a store.
func FeedReaders(h http.Handler) int {
	f := h.(*server).feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hub == nil {
		return 0
	}
	return f.hub.size()
}

// Drain ends the streams of a handler, as at the end of Serve.
func Drain(h http.Handler) { h.(*server).feed.drain() }

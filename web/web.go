// Package web serves a store over HTTP: the API below /v1, with the live feed of changes, for
// programs of any language, for the command of this module and for the Go client (package client).
//
// [Handler] is for programs that have a server already. [Serve] is a server that also listens on a
// Unix socket beside the file of the store.
//
// routes.go is the table of all routes. Every request goes through guard.go (who is asking), and every
// call of the store through access.go (what they may do). design/server.md has the rest.
package web

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/doorlog/doorlog"
)

// Options configure a [Handler]. The zero value works; nil means defaults.
type Options struct {
	// RequireToken asks for a token on loopback connections too. Without it, whoever can connect
	// to this machine from itself may do everything. It has no effect on the Unix socket, whose
	// file only its owner can open.
	RequireToken bool

	// Hosts are names, beside those of loopback, that a request over a loopback connection may
	// have in its Host header.
	Hosts []string

	// MaxBody bounds the body of a request, in bytes. Default: 64 MiB. Bodies of JSON lines, which are
	// read line by line, are not bounded by it. All bodies that are in memory at the same time have at most four
	// times as much; a request beyond that is answered with 429.
	MaxBody int64

	// Heartbeat is how often an idle stream of changes gets a comment. Default: 15 s.
	Heartbeat time.Duration

	// MaxStreams is how many streams of changes, and requests that wait for changes, may be open at once.
	// Default: 10,000.
	MaxStreams int

	// Observe, if not nil, is called after each request: with the pattern of the route (empty if there
	// is none), the method, the status and the time that it took. It must return soon.
	Observe func(route, method string, status int, took time.Duration)

	// Streams, if not nil, is called when a stream of changes, or a request that waits for changes, has
	// begun or ended, with how many there are then. It must return at once, and must not use the handler.
	Streams func(open int)

	// Page says whether the page for browsers is served. Default: PageOn.
	Page Page

	// Version is what GET /v1/server says. Default: none.
	Version string

	// Logger gets a line for each request that failed because of the server. Default: none.
	Logger *slog.Logger
}

// Handler returns a handler that serves the store st. The store must stay open while it is used.
//
// Who is asked for what: a request over a Unix socket may do everything. So may one over a loopback
// connection whose Host header is a loopback name, unless [Options.RequireToken] is set or the request
// came through a proxy. All others need a token (see [Tokens]). A proxy on this machine that adds none of the
// headers Forwarded, X-Forwarded-For (or another X-Forwarded-…), X-Real-IP and Via looks like a program of this
// machine: set RequireToken behind such a one. A token that is sent with "Authorization: Bearer" always decides.
//
// Below a prefix it works with [http.StripPrefix]. The path of the page must end with a slash there:
//
//	mux.Handle("/door/", http.StripPrefix("/door", web.Handler(st, nil)))
func Handler(st *doorlog.Store, options *Options) http.Handler {
	return newServer(st, options)
}

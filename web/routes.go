package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/doorlog/doorlog/internal/wire"
)

// A route is one method of one address. The table of all routes is what the handler serves, what the
// tests go through, and what openapi.yaml is compared with.
type route struct {
	method  string
	pattern string // such as /v1/events/{id}: a name in braces stands for one segment
	needs   need   // what the token must allow at least; access checks the rest
	body    bodyKind
	serve   func(*call) error
}

// A need is what a token must allow for a route.
type need int

const (
	public     need = iota // no token
	needsRead              // read
	needsWrite             // write, of any camera at least
	needsAdmin             // admin
)

// A bodyKind says how the body of a request is bounded.
type bodyKind int

const (
	noBody    bodyKind = iota // it must be empty
	tinyBody                  // 4 KiB: what anybody may send
	smallBody                 // 1 MiB: JSON about one thing
	largeBody                 // Options.MaxBody: events and frames
	lineBody                  // unbounded, read line by line
)

// routes are all routes: each area has its list in the file of its handlers.
var routes = slices.Concat(
	serverRoutes, // server_api.go
	eventRoutes,  // events.go
	uploadRoutes, // uploads.go
	countRoutes,  // counts.go
	reportRoutes, // report.go
	personRoutes, // persons.go
	feedRoutes,   // feed.go
	careRoutes,   // care.go
	tokenRoutes,  // tokens_api.go
)

// params are the segments of a path that stand for names, in the order of the pattern.
type params map[string]string

// find returns the route of a path, which is still escaped. So a name may have a slash in it, and
// nothing is cleaned or redirected: a path either is one of the table or is not there.
func find(method, escaped string) (rt route, p params, err error) {
	var allowed []string
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	if len(segments) > maxSegments || !strings.HasPrefix(escaped, "/") {
		segments = nil
	}
	for _, candidate := range bySegments[len(segments)] {
		got, ok := match(candidate.segments, segments)
		if !ok {
			continue
		}
		if candidate.method == method || method == http.MethodHead && candidate.method == http.MethodGet {
			return candidate.route, got, nil
		}
		allowed = append(allowed, candidate.method)
	}
	if len(allowed) > 0 {
		return route{}, nil, notAllowed(method, allowed)
	}
	return route{}, nil, wire.BadRequest(http.StatusNotFound, "there is no such address")
}

// A methodError is for an address that has other methods.
type methodError struct {
	allowed []string
	*wire.Problem
}

func notAllowed(method string, allowed []string) error {
	return &methodError{allowed, wire.BadRequest(http.StatusMethodNotAllowed, method+" is not possible here, but "+strings.Join(allowed, ", "))}
}

func (e *methodError) Unwrap() error { return e.Problem }

// maxSegments is how many segments a pattern has at most.
const maxSegments = 8

// A splitRoute is a route whose pattern has been split into segments.
type splitRoute struct {
	route
	segments []string
}

// bySegments has the routes by the number of their segments.
var bySegments = func() (by [maxSegments + 1][]splitRoute) {
	for _, rt := range routes {
		names := strings.Split(strings.TrimPrefix(rt.pattern, "/"), "/")
		by[len(names)] = append(by[len(names)], splitRoute{rt, names})
	}
	return by
}()

// match reports whether the segments of a path are those of a pattern, and returns those that stand
// for names.
func match(names, segments []string) (p params, ok bool) {
	for i, name := range names {
		if !strings.HasPrefix(name, "{") && name != segments[i] {
			return nil, false
		}
	}
	for i, name := range names {
		if !strings.HasPrefix(name, "{") {
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, false
		}
		if p == nil {
			p = params{}
		}
		p[strings.Trim(name, "{}")] = value
	}
	return p, true
}

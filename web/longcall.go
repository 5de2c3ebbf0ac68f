package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A long call says how far it has got, if its client accepts JSON lines: {"progress":…} as often as the
// store reports it, a blank line now and then so that nobody takes the connection for dead, and at the end
// {"result":…} or {"error":…,"result":…}. Other clients get one JSON document at the end. The call is
// interrupted when its client goes away.

// beat is the time between two lines of a long call.
const beat = 5 * time.Second

// long answers with what fn does.
func long[T any](c *call, fn func(context.Context) (*T, error)) error {
	if strings.Contains(c.r.Header.Get("Accept"), typeLines) {
		return longLines(c, fn)
	}
	result, err := fn(c.r.Context())
	if err == nil {
		return c.respond(http.StatusOK, result)
	}
	p, merr := problemWith(err, result)
	if merr != nil {
		return merr
	}
	return p
}

// problemWith returns the problem of a long call, with what it has done all the same.
func problemWith[T any](err error, result *T) (*wire.Problem, error) {
	p := *wire.ProblemOf(err)
	if result == nil {
		return &p, nil
	}
	var merr error
	p.Result, merr = json.Marshal(result)
	return &p, merr
}

// longLines answers with JSON lines. A call that fails before there is anything to say gets a problem as
// any other.
func longLines[T any](c *call, fn func(context.Context) (*T, error)) error {
	ctx, cancel := context.WithCancel(c.r.Context())
	defer cancel()
	reports := newReports()
	ended := make(chan struct{})
	var result *T
	var err error
	go func() {
		defer close(ended)
		defer c.server.catch("a long call", &err)
		result, err = fn(doorlog.WithProgress(ctx, reports.add))
	}()
	lines := &lineWriter{c: c}
	heart := time.NewTicker(beat)
	defer heart.Stop()
	for lines.err == nil {
		select {
		case <-reports.some:
			lines.reports(reports.take())
			continue
		case <-heart.C:
			lines.write(nil)
			continue
		case <-ended:
		}
		break
	}
	if lines.err != nil { // the client has gone
		cancel()
		<-ended
		return lines.err
	}
	if left := reports.take(); lines.begun || err == nil {
		lines.reports(left)
	}
	if err == nil {
		lines.write(struct {
			Result *T `json:"result"`
		}{result})
		return lines.err
	}
	if !lines.begun {
		p, merr := problemWith(err, result)
		if merr != nil {
			return merr
		}
		return p
	}
	lines.write(struct {
		Error  *wire.Problem `json:"error"`
		Result *T            `json:"result,omitempty"`
	}{wire.ProblemOf(err), result})
	return lines.err
}

// reports are those of a long call that its client has not been sent yet. Of each kind of work there is the
// last one, so a client that reads slowly does not hold the call up, and still hears of each kind.
type reports struct {
	some chan struct{} // has a value when there are any

	mu   sync.Mutex
	list []doorlog.Progress
}

func newReports() *reports { return &reports{some: make(chan struct{}, 1)} }

// add takes a report in.
func (r *reports) add(p doorlog.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(slices.DeleteFunc(r.list, func(old doorlog.Progress) bool { return old.Doing == p.Doing }), p)
	select {
	case r.some <- struct{}{}:
	default:
	}
}

// take returns what has come since the last time.
func (r *reports) take() []doorlog.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.list
	r.list = nil
	return list
}

// A lineWriter writes JSON lines, each at once.
type lineWriter struct {
	c     *call
	begun bool
	err   error
}

// reports writes a line for each report.
func (l *lineWriter) reports(list []doorlog.Progress) {
	for _, p := range list {
		l.write(struct {
			Progress doorlog.Progress `json:"progress"`
		}{p})
	}
}

// write writes a line; nil is a blank one.
func (l *lineWriter) write(v any) {
	if l.err != nil {
		return
	}
	var text []byte
	if v != nil {
		if text, l.err = json.Marshal(v); l.err != nil {
			return
		}
	}
	if !l.begun {
		l.begun = true
		l.c.w.Header().Set("Content-Type", typeLines)
		l.c.w.WriteHeader(http.StatusOK)
	}
	if _, l.err = l.c.w.Write(append(text, '\n')); l.err == nil {
		l.err = l.c.w.FlushError()
	}
}

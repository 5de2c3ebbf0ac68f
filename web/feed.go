package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

var feedRoutes = []route{
	{http.MethodGet, "/v1/changes", needsRead, noBody, (*call).getChanges},
	{http.MethodGet, "/v1/cursor", needsRead, noBody, (*call).getCursor},
	{http.MethodGet, "/v1/consumers", needsRead, noBody, (*call).getConsumers},
	{http.MethodGet, "/v1/consumers/{name}", needsRead, noBody, (*call).getConsumer},
	{http.MethodPut, "/v1/consumers/{name}", needsWrite, smallBody, (*call).putConsumer},
	{http.MethodDelete, "/v1/consumers/{name}", needsWrite, noBody, (*call).deleteConsumer},
	{http.MethodPost, "/v1/consumers/{name}/ack", needsWrite, smallBody, (*call).ackConsumer},
}

const (
	pageLimit    = 1000 // changes in one answer, at most
	defaultLimit = 100
	mostWait     = time.Minute     // for an answer
	feedRetry    = 5 * time.Second // when there are too many readers
)

// A place is a cursor in an answer.
type place struct {
	Cursor doorlog.Cursor `json:"cursor"`
}

func (c *call) getCursor() error {
	if err := c.nothing(); err != nil {
		return err
	}
	at, err := c.Cursor(c.ctx())
	return answer(c, place{at}, err)
}

// getChanges answers with a stream, or with a page of changes.
func (c *call) getChanges() error {
	c.w.Header().Add("Vary", "Accept")
	asked, err := c.changesAsked()
	if err != nil {
		return err
	}
	if asked.stream {
		return c.serveStream(asked)
	}
	page, err := c.awaitChanges(asked)
	return answer(c, page, err)
}

// changesAsked is what a GET of /v1/changes asks for.
type changesAsked struct {
	stream  bool // no page
	after   doorlog.Cursor
	now     bool // after the last change, instead of after
	limit   int
	wait    time.Duration
	options *doorlog.ChangeOptions // nil: all changes
}

func (c *call) changesAsked() (*changesAsked, error) {
	values, err := c.anyValues()
	if err != nil {
		return nil, err
	}
	q, err := wire.ParseQuery(values, "after", "ids_only", "wait")
	if err != nil {
		return nil, err
	}
	asked := &changesAsked{limit: q.Limit, stream: slices.ContainsFunc(c.r.Header.Values("Accept"), isEventStream)}
	if !values.Has("limit") {
		asked.limit = defaultLimit
	}
	if asked.limit < 1 || asked.limit > pageLimit {
		return nil, invalid("limit", "%d is not 1 to %d", asked.limit, pageLimit)
	}
	idsOnly, err := flag(values, "ids_only")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"offset", "oldest_first"} {
		if values.Has(name) {
			return nil, invalid(name, "changes have one order, and are followed by their cursors")
		}
	}
	if err := asked.setPlace(c, values.Get("after")); err != nil {
		return nil, err
	}
	if text := values.Get("wait"); values.Has("wait") {
		if asked.wait, err = time.ParseDuration(text); err != nil || asked.wait < 0 {
			return nil, invalid("wait", "%.40q is no duration such as 30s", text)
		}
		asked.wait = min(asked.wait, mostWait)
	}
	for _, own := range []string{"after", "ids_only", "wait", "limit"} {
		values.Del(own)
	}
	if q.Limit = 0; len(values) > 0 { // the rest is a query
		asked.options = &doorlog.ChangeOptions{IDsOnly: idsOnly, Query: &q}
	} else if idsOnly {
		asked.options = &doorlog.ChangeOptions{IDsOnly: true}
	}
	return asked, nil
}

// setPlace reads where to begin. A client of server-sent events that connects again says so in a header.
func (asked *changesAsked) setPlace(c *call, after string) (err error) {
	name := "after"
	if last := c.r.Header.Get("Last-Event-ID"); asked.stream && last != "" {
		name, after = "Last-Event-ID", last
	}
	if asked.now = after == "now"; asked.now {
		return nil
	}
	if asked.after, err = doorlog.ParseCursor(after); err != nil {
		return invalid(name, "%.120q is not the text of a cursor", after)
	}
	return nil
}

// isEventStream reports whether an Accept header names server-sent events.
func isEventStream(accept string) bool {
	for kind := range strings.SplitSeq(accept, ",") {
		kind, _, _ = strings.Cut(kind, ";")
		if strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") {
			return true
		}
	}
	return false
}

// joinFeed counts a reader of changes, which must leave.
func (c *call) joinFeed(r *reader) error {
	err := c.server.feed.join(c.ctx(), r)
	if errors.Is(err, wire.ErrTooMany) {
		err = &retryError{feedRetry, err}
	}
	return err
}

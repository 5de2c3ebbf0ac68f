package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A call is one request that has been let in: what it asks for, and the store as far as it may use it.
type call struct {
	*access // the store: there is no other way to it
	w       *response
	r       *http.Request
	params  params
	server  *server
	lasting context.Context
}

// ctx is the context for calls of the store that end soon. It goes on for a few seconds when the client
// has closed its side of the connection: then the client may still wait for the answer. What takes long
// (streams, long calls) uses the context of the request, which ends at once.
func (c *call) ctx() context.Context { return c.lasting }

// lingering is how long a call goes on when the client has closed its side of the connection.
const lingering = 5 * time.Second

// lasting returns the context for [call.ctx], and a function that must be called when the request has
// been answered.
func lasting(ctx context.Context) (context.Context, func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lingering, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// id returns the ID in the path.
func (c *call) id() (doorlog.ID, error) { return doorlog.ParseID(c.params["id"]) }

// plainID is id for an address that has no parameters.
func (c *call) plainID() (doorlog.ID, error) {
	if err := c.nothing(); err != nil {
		return doorlog.ID{}, err
	}
	return c.id()
}

// respond writes v as JSON.
func (c *call) respond(status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.sendJSON(status, append(text, '\n'))
}

// sendJSON answers with a text in JSON.
func (c *call) sendJSON(status int, text []byte) error {
	return c.w.send(status, "application/json", c.w.compressed(c.r, text))
}

// sendPooled is sendJSON for a text that was made in a buffer of textPool, and gives that back.
func (c *call) sendPooled(status int, text []byte) error {
	err := c.sendJSON(status, text)
	if err == nil { // otherwise a goroutine of a connection that is about to end may still read it
		textPool.put(text)
	}
	return err
}

// answer writes the result of a read, or returns its error.
func answer[T any](c *call, v T, err error) error {
	if err != nil {
		return err
	}
	return c.respond(http.StatusOK, v)
}

// list is answer for a list, which is never null.
func list[T any](c *call, v []T, err error) error { return answer(c, doorlog.List[T](v), err) }

// done is answer for a call that returns nothing.
func (c *call) done(err error) error {
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// only returns the query parameters. It refuses those that are not in names, and those that are there
// more than once.
func (c *call) only(names ...string) (url.Values, error) {
	values, err := c.anyValues()
	if err == nil {
		err = wire.CheckParams(values, names...)
	}
	return values, err
}

// nothing is only for an address without parameters.
func (c *call) nothing() error {
	_, err := c.only()
	return err
}

// anyValues returns the query parameters, whatever they are.
func (c *call) anyValues() (url.Values, error) { return wire.ParseParams(c.r.URL.RawQuery) }

// flag returns a parameter that is true or false; false if it is not given.
func flag(values url.Values, name string) (bool, error) {
	switch text := values.Get(name); {
	case text == "true":
		return true, nil
	case text == "false", !values.Has(name):
		return false, nil
	default:
		return false, invalid(name, "%.40q is not true or false", text)
	}
}

package web

import (
	"context"
	"net/http"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

var countRoutes = []route{
	{http.MethodGet, "/v1/count", needsRead, noBody, (*call).count},
	{http.MethodGet, "/v1/explain", needsRead, noBody, (*call).explain},
	{http.MethodGet, "/v1/summary", needsRead, noBody, (*call).summary},
	{http.MethodGet, "/v1/heatmap", needsRead, noBody, (*call).heatmap},
	{http.MethodGet, "/v1/breakdown", needsRead, noBody, (*call).breakdown},
	{http.MethodGet, "/v1/timeline", needsRead, noBody, (*call).timeline},
	{http.MethodGet, "/v1/quarters", needsRead, noBody, (*call).quarters},
	{http.MethodGet, "/v1/hours", needsRead, noBody, (*call).hours},
	{http.MethodGet, "/v1/activity", needsRead, noBody, (*call).activity},
	{http.MethodGet, "/v1/analytics", needsRead, noBody, (*call).analytics},
	{http.MethodGet, "/v1/cameras", needsRead, noBody, (*call).cameras},
	{http.MethodGet, "/v1/types", needsRead, noBody, (*call).types},
}

// query returns the query that the parameters say.
func (c *call) query() (doorlog.Query, error) {
	values, err := c.anyValues()
	if err != nil {
		return doorlog.Query{}, err
	}
	return wire.ParseQuery(values)
}

// scope returns the scope that the parameters say.
func (c *call) scope() (doorlog.Scope, error) {
	values, err := c.anyValues()
	if err != nil {
		return doorlog.Scope{}, err
	}
	return wire.ParseScope(values)
}

func (c *call) count() error {
	q, err := c.query()
	if err != nil {
		return err
	}
	n, err := c.Count(c.ctx(), q)
	return answer(c, struct {
		Count int `json:"count"`
	}{n}, err)
}

func (c *call) explain() error {
	q, err := c.query()
	if err != nil {
		return err
	}
	plan, err := c.Explain(c.ctx(), q)
	return answer(c, plan, err)
}

// counted answers with what fn counts in the scope.
func counted[T any](c *call, fn func(context.Context, doorlog.Scope) (T, error)) error {
	sc, err := c.scope()
	if err != nil {
		return err
	}
	v, err := fn(c.ctx(), sc)
	return answer(c, v, err)
}

// countedList is counted for a list.
func countedList[T any](c *call, fn func(context.Context, doorlog.Scope) ([]T, error)) error {
	return counted(c, func(ctx context.Context, sc doorlog.Scope) (doorlog.List[T], error) { return fn(ctx, sc) })
}

func (c *call) summary() error { return counted(c, c.Summary) }

func (c *call) heatmap() error { return counted(c, c.Heatmap) }

func (c *call) breakdown() error { return countedList(c, c.LabelBreakdown) }

func (c *call) timeline() error { return countedList(c, c.Timeline) }

func (c *call) quarters() error { return countedList(c, c.Quarters) }

func (c *call) hours() error { return countedList(c, c.PeakHours) }

func (c *call) activity() error { return countedList(c, c.PersonActivity) }

func (c *call) analytics() error { return counted(c, c.Analytics) }

// listed answers with the list that fn returns, at an address without parameters.
func listed[T any](c *call, fn func(context.Context) ([]T, error)) error {
	if err := c.nothing(); err != nil {
		return err
	}
	v, err := fn(c.ctx())
	return list(c, v, err)
}

func (c *call) cameras() error { return listed(c, c.Cameras) }

func (c *call) types() error { return listed(c, c.Types) }

package client

import (
	"context"
	"net/http"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// Analytics returns all that is known of the events of a scope, of one state of the store.
func (c *Client) Analytics(ctx context.Context, sc doorlog.Scope) (doorlog.Analytics, error) {
	return count[doorlog.Analytics](ctx, c, "analytics", "/v1/analytics", sc)
}

// Summary is [doorlog.Store.Summary].
func (c *Client) Summary(ctx context.Context, sc doorlog.Scope) (doorlog.Summary, error) {
	return count[doorlog.Summary](ctx, c, "summary", "/v1/summary", sc)
}

// Heatmap is [doorlog.Store.Heatmap].
func (c *Client) Heatmap(ctx context.Context, sc doorlog.Scope) (doorlog.Heatmap, error) {
	return count[doorlog.Heatmap](ctx, c, "heatmap", "/v1/heatmap", sc)
}

// LabelBreakdown is [doorlog.Store.LabelBreakdown].
func (c *Client) LabelBreakdown(ctx context.Context, sc doorlog.Scope) ([]doorlog.LabelCount, error) {
	return count[[]doorlog.LabelCount](ctx, c, "label breakdown", "/v1/breakdown", sc)
}

// Timeline is [doorlog.Store.Timeline].
func (c *Client) Timeline(ctx context.Context, sc doorlog.Scope) ([]doorlog.DayCount, error) {
	return count[[]doorlog.DayCount](ctx, c, "timeline", "/v1/timeline", sc)
}

// Quarters is [doorlog.Store.Quarters].
func (c *Client) Quarters(ctx context.Context, sc doorlog.Scope) ([]doorlog.QuarterCount, error) {
	return count[[]doorlog.QuarterCount](ctx, c, "quarters", "/v1/quarters", sc)
}

// PeakHours is [doorlog.Store.PeakHours].
func (c *Client) PeakHours(ctx context.Context, sc doorlog.Scope) ([]doorlog.HourCount, error) {
	return count[[]doorlog.HourCount](ctx, c, "peak hours", "/v1/hours", sc)
}

// PersonActivity is [doorlog.Store.PersonActivity].
func (c *Client) PersonActivity(ctx context.Context, sc doorlog.Scope) ([]doorlog.PersonCount, error) {
	return count[[]doorlog.PersonCount](ctx, c, "person activity", "/v1/activity", sc)
}

// count is get for a scope.
func count[T any](ctx context.Context, c *Client, doing, path string, sc doorlog.Scope) (v T, err error) {
	values, err := wire.ScopeValues(sc)
	r := &request{doing: doing, method: http.MethodGet, path: path, query: values}
	if err != nil {
		return v, r.failed(err)
	}
	err = c.json(ctx, r, &v)
	return v, err
}

// Cameras returns all cameras that have events, sorted by name.
func (c *Client) Cameras(ctx context.Context) ([]doorlog.CameraInfo, error) {
	return get[[]doorlog.CameraInfo](ctx, c, "cameras", "/v1/cameras", nil)
}

// Types returns all types that events have, sorted by name.
func (c *Client) Types(ctx context.Context) ([]doorlog.TypeInfo, error) {
	return get[[]doorlog.TypeInfo](ctx, c, "types", "/v1/types", nil)
}

// Stats returns figures about the store.
func (c *Client) Stats(ctx context.Context) (doorlog.Stats, error) {
	return get[doorlog.Stats](ctx, c, "stats", "/v1/info", nil)
}

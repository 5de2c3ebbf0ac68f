package client

import (
	"context"

	"github.com/doorlog/doorlog"
)

// Verify verifies the whole file of the store and its thumbnails: see [doorlog.Store.Verify].
func (c *Client) Verify(ctx context.Context) (*doorlog.Verification, error) {
	return long[doorlog.Verification](ctx, c, "verify", "/v1/verify", nil, ofRead)
}

// Compact makes the file of the store as small as it can be: see [doorlog.Store.Compact].
func (c *Client) Compact(ctx context.Context) (*doorlog.Compacted, error) {
	return long[doorlog.Compacted](ctx, c, "compact", "/v1/compact", nil, never)
}

type pruneRequest struct {
	Policy doorlog.Policy `json:"policy"`
	DryRun bool           `json:"dry_run"`
}

// Prune removes what the policy does not keep: see [doorlog.Store.Prune].
func (c *Client) Prune(ctx context.Context, policy doorlog.Policy) (*doorlog.Pruned, error) {
	return long[doorlog.Pruned](ctx, c, "prune", "/v1/prune", pruneRequest{policy, false}, never)
}

// WouldPrune says what Prune would remove now, and removes nothing.
func (c *Client) WouldPrune(ctx context.Context, policy doorlog.Policy) (*doorlog.Pruned, error) {
	return long[doorlog.Pruned](ctx, c, "would prune", "/v1/prune", pruneRequest{policy, true}, ofRead)
}

type forgetRequest struct {
	doorlog.ForgetOptions
	DryRun bool `json:"dry_run"`
}

func forget(options *doorlog.ForgetOptions, dry bool) forgetRequest {
	r := forgetRequest{DryRun: dry}
	if options != nil {
		r.ForgetOptions = *options
	}
	return r
}

// ForgetMissing takes the names of missing thumbnails off their events: see
// [doorlog.Store.ForgetMissing].
func (c *Client) ForgetMissing(ctx context.Context, options *doorlog.ForgetOptions) (*doorlog.Forgotten, error) {
	return long[doorlog.Forgotten](ctx, c, "forget missing thumbnails", "/v1/forget-missing", forget(options, false), never)
}

// WouldForgetMissing returns what ForgetMissing would do now. It changes nothing.
func (c *Client) WouldForgetMissing(ctx context.Context, options *doorlog.ForgetOptions) (*doorlog.Forgotten, error) {
	return long[doorlog.Forgotten](ctx, c, "look for missing thumbnails", "/v1/forget-missing", forget(options, true), ofRead)
}

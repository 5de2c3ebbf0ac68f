package web

import (
	"context"
	"net/http"

	"github.com/doorlog/doorlog"
)

var careRoutes = []route{
	{http.MethodGet, "/v1/info", needsRead, noBody, (*call).info},
	{http.MethodPost, "/v1/verify", needsAdmin, noBody, (*call).verify},
	{http.MethodPost, "/v1/compact", needsAdmin, noBody, (*call).compact},
	{http.MethodPost, "/v1/prune", needsAdmin, smallBody, (*call).prune},
	{http.MethodPost, "/v1/forget-missing", needsAdmin, smallBody, (*call).forgetMissing},
	{http.MethodPost, "/v1/cameras/rename", needsAdmin, smallBody, (*call).renameCamera},
	{http.MethodGet, "/v1/backup", needsAdmin, noBody, (*call).backup},
	{http.MethodPost, "/v1/backup/kept", needsAdmin, smallBody, (*call).backupKept},
}

func (c *call) info() error {
	if err := c.nothing(); err != nil {
		return err
	}
	st, err := c.Stats(c.ctx())
	return answer(c, st, err)
}

func (c *call) verify() error {
	if err := c.nothing(); err != nil {
		return err
	}
	return long(c, c.Verify)
}

func (c *call) compact() error {
	if err := c.nothing(); err != nil {
		return err
	}
	return long(c, c.Compact)
}

// prune deletes only if dry_run is false: what deletes must say so.
func (c *call) prune() error {
	var in struct {
		Policy *doorlog.Policy `json:"policy"`
		DryRun *bool           `json:"dry_run"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.Policy == nil {
		return invalid("policy", "is missing")
	}
	dry := in.DryRun == nil || *in.DryRun
	return long(c, func(ctx context.Context) (*doorlog.Pruned, error) { return c.Prune(ctx, *in.Policy, dry) })
}

func (c *call) forgetMissing() error {
	var in struct {
		DryRun *bool `json:"dry_run"`
		doorlog.ForgetOptions
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	dry := in.DryRun == nil || *in.DryRun
	return long(c, func(ctx context.Context) (*doorlog.Forgotten, error) {
		return c.ForgetMissing(ctx, &in.ForgetOptions, dry)
	})
}

func (c *call) renameCamera() error {
	var in names
	if err := c.decode(&in); err != nil {
		return err
	}
	return long(c, func(ctx context.Context) (*doorlog.Renamed, error) { return c.RenameCamera(ctx, in.From, in.To) })
}

func (c *call) backupKept() error {
	var info doorlog.BackupInfo
	if err := c.decode(&info); err != nil {
		return err
	}
	return c.done(c.RecordBackup(c.ctx(), &info))
}

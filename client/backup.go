package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// Backup writes the store to w as one stream: see [doorlog.Store.Backup]. The stream is complete, and
// worth keeping, only if Backup returns no error. With [doorlog.WithProgress] it reports how many bytes
// have come; the total is not known.
//
// The server records the time of the backup when [doorlog.BackupOptions.Finish] has returned. If that
// fails, the backup is complete all the same, and Backup returns no error.
func (c *Client) Backup(ctx context.Context, w io.Writer, options *doorlog.BackupOptions) (*doorlog.BackupInfo, error) {
	var opt doorlog.BackupOptions
	if options != nil {
		opt = *options
	}
	r := &request{
		doing: "backup", method: http.MethodGet, path: "/v1/backup", repeat: ofStream, silent: true,
		header: http.Header{"Accept": {"application/x-tar"}, "Te": {"trailers"}},
	}
	if opt.Verify {
		r.query = url.Values{"verify": {"true"}}
	}
	var info *doorlog.BackupInfo
	tell := hook(ctx)
	err := c.do(ctx, r, func(a *answer) (err error) {
		info, err = c.readBackup(a, w, tell)
		return err
	})
	if err != nil {
		return nil, err
	}
	if opt.Finish != nil {
		if err := opt.Finish(info); err != nil {
			return nil, r.failed(err)
		}
	}
	if !opt.Unrecorded {
		_ = c.RecordBackup(context.WithoutCancel(ctx), info) // the backup is complete without it
	}
	return info, nil
}

// readBackup copies a backup to w, and returns what the server says of it at the end.
func (c *Client) readBackup(a *answer, w io.Writer, tell func(doorlog.Progress)) (*doorlog.BackupInfo, error) {
	if media := a.header.Get("Content-Type"); media != "application/x-tar" {
		return nil, fmt.Errorf("%s answers with %q: %w", c.address, media, ErrNotServer)
	}
	into := &reportingWriter{w: w, tell: tell}
	if _, err := io.Copy(into, a); err != nil {
		return nil, err
	}
	into.report(true)
	if text := a.trailer.Get(wire.TrailerProblem); text != "" {
		p := new(wire.Problem)
		if err := json.Unmarshal([]byte(text), p); err != nil {
			return nil, fmt.Errorf("the answer of %s cannot be read: %w: %w", c.address, ErrNotServer, err)
		}
		return nil, p
	}
	info := new(doorlog.BackupInfo)
	if err := json.Unmarshal([]byte(a.trailer.Get(wire.TrailerBackupInfo)), info); err != nil {
		return nil, errors.New("the backup came without the account at its end, so that it may have been cut off")
	}
	return info, nil
}

// A reportingWriter reports how much has been written.
type reportingWriter struct {
	w    io.Writer
	tell func(doorlog.Progress)
	done int64
	told time.Time
}

func (w *reportingWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.done += int64(n)
	w.report(false)
	return n, err
}

// report tells a few times a second, and at the end.
func (w *reportingWriter) report(end bool) {
	const often = 200 * time.Millisecond
	if !end && time.Since(w.told) < often {
		return
	}
	w.told = time.Now()
	p := doorlog.Progress{Doing: "backing up", Done: w.done, Total: -1, Bytes: true}
	if end {
		p.Total = w.done
	}
	w.tell(p)
}

// RecordBackup records the time of a backup that was made with [doorlog.BackupOptions.Unrecorded].
func (c *Client) RecordBackup(ctx context.Context, info *doorlog.BackupInfo) error {
	r, err := post("record a backup", "/v1/backup/kept", info)
	if err != nil {
		return err
	}
	return c.done(ctx, r)
}

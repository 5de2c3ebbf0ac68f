package web

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// backup streams a backup. Nothing is recorded as a backup before the client says that it keeps it
// (POST /v1/backup/kept).
func (c *call) backup() error {
	values, err := c.only("verify")
	if err != nil {
		return err
	}
	verify, err := flag(values, "verify")
	if err != nil {
		return err
	}
	w := &backupStream{c: c, trailers: strings.Contains(strings.ToLower(strings.Join(c.r.Header.Values("TE"), ",")), "trailers")}
	if c.r.Method == http.MethodHead {
		w.begin()
		return nil
	}
	info, err := c.Backup(c.r.Context(), w, &doorlog.BackupOptions{Verify: verify, Unrecorded: true})
	switch {
	case err != nil && c.w.status == 0:
		return err
	case err != nil && !w.trailers: // only a connection that is cut says that the backup is not complete
		return err
	case err != nil:
		c.server.opt.Logger.Error("doorlog: a backup failed", "error", err)
		return w.trailer(wire.TrailerProblem, wire.ProblemOf(err))
	case w.trailers:
		return w.trailer(wire.TrailerBackupInfo, info)
	}
	return nil
}

// A backupStream writes a backup to the client. A client that takes nothing for a while has gone.
type backupStream struct {
	c        *call
	trailers bool // the client understands them
}

// Write writes a piece of the backup.
func (b *backupStream) Write(p []byte) (int, error) {
	b.begin()
	return b.c.w.Write(p)
}

func (b *backupStream) begin() {
	if b.c.w.status != 0 {
		return
	}
	h := b.c.w.Header()
	h.Set("Content-Type", "application/x-tar")
	h.Set("Content-Disposition", `attachment; filename="doorlog-backup.tar"`)
	if b.trailers {
		h.Set("Trailer", wire.TrailerBackupInfo+", "+wire.TrailerProblem)
	}
	b.c.w.WriteHeader(http.StatusOK)
}

func (b *backupStream) trailer(name string, v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		b.c.w.Header().Set(name, wire.ASCII(text))
	}
	return err
}

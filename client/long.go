package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A report is a line of the answer to a long call.
type report struct {
	Progress *doorlog.Progress `json:"progress"`
	Result   json.RawMessage   `json:"result"`
	Error    *wire.Problem     `json:"error"`
}

// mostReport is the size of the longest line of a report.
const mostReport = 64 << 20

// long sends a call that takes its time, and passes the reports of its progress on to the function of
// doorlog.WithProgress. It returns what the call did, also with an error, if the server says it.
func long[T any](ctx context.Context, c *Client, doing, path string, in any, repeat repeat) (*T, error) {
	r, err := post(doing, path, in)
	if err != nil {
		return nil, err
	}
	r.repeat = repeat
	r.header = http.Header{"Accept": {"application/x-ndjson"}}
	var last report
	tell := hook(ctx)
	err = c.do(ctx, r, func(a *answer) (err error) {
		last, err = c.readReports(a, tell)
		return err
	})
	if p, ok := errors.AsType[*wire.Problem](err); ok {
		last.Result = p.Result
	}
	if err == nil && last.Error != nil {
		err = r.failed(last.Error)
	}
	return account[T](last.Result), err
}

// hook returns the function that doorlog.WithProgress has put into ctx. As in the library, it is not called
// again if it panics.
func hook(ctx context.Context) func(doorlog.Progress) {
	tell := doorlog.ProgressOf(ctx)
	return func(p doorlog.Progress) {
		if tell == nil {
			return
		}
		defer func() {
			if recover() != nil {
				tell = nil
			}
		}()
		tell(p)
	}
}

// account returns the account of a call, or nil if there is none.
func account[T any](text json.RawMessage) *T {
	var v *T
	if len(text) == 0 || json.Unmarshal(text, &v) != nil {
		return nil
	}
	return v
}

// readReports reads the lines of a report, and returns the last one. An empty line is a sign of life.
func (c *Client) readReports(a *answer, tell func(doorlog.Progress)) (last report, err error) {
	lines := bufio.NewScanner(a)
	lines.Buffer(nil, mostReport)
	ended := false
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var now report
		if err := json.Unmarshal(line, &now); err != nil {
			return last, fmt.Errorf("the answer of %s cannot be read: %w: %w", c.address, ErrNotServer, err)
		}
		if now.Progress != nil {
			tell(*now.Progress)
			continue
		}
		last, ended = now, true
	}
	if err := lines.Err(); err != nil {
		return last, err
	}
	if !ended {
		a.err = io.ErrUnexpectedEOF
	}
	return last, nil
}

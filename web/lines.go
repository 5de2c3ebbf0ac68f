package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/fault"
	"github.com/doorlog/doorlog/internal/wire"
)

// Events may come as JSON lines, as many as there are. The lines that have come are written in one
// transaction, and each gets a line in the answer, in the order in which they came, as soon as it is
// durable. Three goroutines work on that: one reads lines, one writes events, one sends results. So a
// client may send all of its lines before it reads the first result, as long as maxPending bytes hold the
// results.

const (
	maxLine     = 1 << 20               // bytes of one line
	linesAtOnce = 256                   // in a transaction
	bytesAtOnce = 4 << 20               // of lines in a transaction
	lineWait    = 10 * time.Millisecond // for more lines of a transaction
	maxPending  = 16 << 20              // bytes of results that the client has not read
)

// An incoming line.
type incoming struct {
	line  int // from 1
	event doorlog.Event
	size  int
	err   error // why it cannot be an event
}

// A lineResult is what became of a line.
type lineResult struct {
	Line    int           `json:"line"`
	ID      doorlog.ID    `json:"id,omitzero"`
	Existed *bool         `json:"existed,omitempty"`
	Error   *wire.Problem `json:"error,omitempty"`
}

// postLines writes the events that come as lines.
func (c *call) postLines(once bool) error {
	// From here on the body is read to its end, or the connection is cut: net/http panics if a handler that
	// has asked for both directions at once leaves a part of the body.
	_ = c.w.control().EnableFullDuplex()  // HTTP/2 has it anyway
	_ = c.w.SetWriteDeadline(time.Time{}) // a client may send all of its lines before it reads; the outbox has a limit
	c.w.Header().Set("Content-Type", typeLines)
	c.w.WriteHeader(http.StatusOK)
	if err := c.w.FlushError(); err != nil { // so that a client that waits for the answer begins to send
		return err
	}
	stop := make(chan struct{})
	lines := make(chan incoming, 16)
	ended := make(chan error, 1)
	go func() {
		var err error
		defer func() { ended <- err; close(lines) }()
		defer c.server.catch("reading lines", &err)
		err = readLines(c.r.Body, lines, stop)
	}()
	out := newOutbox(c)
	whole := batches(lines, c.server.draining, func(batch []incoming) bool { return out.add(c.writeLines(batch, once)) })
	if err := out.close(); err != nil || !whole { // the client has gone, or the server stops: the connection is cut
		close(stop)
		return errors.Join(err, errLinesCut)
	}
	return <-ended
}

// errLinesCut ends an answer so that the client sees that it is not whole.
var errLinesCut = errors.New("not all lines were read")

// readLines reads lines until the body or stop ends. A last line that was cut off is no line.
func readLines(body io.Reader, lines chan<- incoming, stop <-chan struct{}) error {
	r := bufio.NewReaderSize(body, 64<<10)
	for n := 1; ; n++ {
		text, tooLong, err := readLine(r)
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return err
		}
		if in := (incoming{line: n, size: len(text)}); tooLong || len(text) > 0 {
			if tooLong {
				in.err = &doorlog.FieldError{Field: "json", Problem: fmt.Sprintf("the line has more than %d bytes", maxLine), TooLarge: true}
			} else {
				in.err = unmarshal(text, &notNull{&in.event})
			}
			select {
			case lines <- in:
			case <-stop:
				return nil
			}
		}
		if last {
			return nil
		}
	}
}

// readLine reads one line, and trims it. Of one that is too long it returns nothing.
func readLine(r *bufio.Reader) (text []byte, tooLong bool, err error) {
	for {
		piece, err := r.ReadSlice('\n')
		if len(text)+len(piece) > maxLine+len("\r\n") {
			tooLong = true
		}
		if !tooLong {
			text = append(text, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if text = bytes.TrimSpace(text); tooLong || len(text) > maxLine {
			return nil, true, err
		}
		return text, false, err
	}
}

// batches joins lines that come within lineWait of the first one, and calls write with them. It returns
// false if write did, or if stop was closed before the lines ended.
func batches(lines <-chan incoming, stop <-chan struct{}, write func([]incoming) bool) bool {
	for {
		var batch []incoming
		select {
		case first, ok := <-lines:
			if !ok {
				return true
			}
			batch = append(batch, first)
		case <-stop:
			return false
		}
		timeout := time.NewTimer(lineWait)
		size, more := batch[0].size, true
		for more && len(batch) < linesAtOnce && size < bytesAtOnce {
			select {
			case in, ok := <-lines:
				if more = ok; ok {
					batch, size = append(batch, in), size+in.size
				}
			case <-timeout.C:
				more = false
			}
		}
		timeout.Stop()
		if !write(batch) {
			return false
		}
	}
}

// writeLines writes the events of a batch in one transaction. If it is refused because of one of them,
// that one gets the error, and the others are tried again.
func (c *call) writeLines(batch []incoming, once bool) []lineResult {
	results := make([]lineResult, len(batch))
	var good []int // indexes of batch
	for i, in := range batch {
		if results[i].Line = in.line; in.err == nil {
			good = append(good, i)
		} else {
			results[i].Error = wire.ProblemOf(in.err)
		}
	}
	ctx := context.WithoutCancel(c.r.Context()) // what has come is written, even if nobody waits for the results
	for len(good) > 0 {
		events := make([]doorlog.Event, len(good))
		for i, at := range good {
			events[i] = batch[at].event
		}
		stored, existed, err := c.WriteEvents(ctx, events, nil, once)
		if err == nil {
			for i, at := range good {
				results[at].ID, results[at].Existed = stored[i].ID, &existed[i]
			}
			break
		}
		if one, ok := errors.AsType[*fault.ItemError](err); ok && one.Index < len(good) {
			results[good[one.Index]].Error = wire.ProblemOf(fmt.Errorf("doorlog: write event: %w", one.Err))
			good = append(good[:one.Index], good[one.Index+1:]...)
			continue
		}
		for _, at := range good {
			results[at].Error = wire.ProblemOf(err)
		}
		break
	}
	return results
}

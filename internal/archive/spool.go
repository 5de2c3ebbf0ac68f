// Package archive carries the stream of a backup. A [Sum] is the checksum of the stream. A
// [Spool] is the queue between a snapshot, which should be released soon, and a receiver,
// which may be slow.
package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A Spool stands between a reader that holds a snapshot and a receiver that may be slow.
// It is a queue in memory. When the queue has been full for too long, the rest of the
// stream goes to a file. One goroutine calls Fill, another calls Read.
type Spool struct {
	temp  func() (*os.File, error) // creates the file
	queue chan []byte              // closed after its last piece
	used  chan []byte              // pieces that can be used again

	ended chan struct{} // closed when Fill returns
	file  *os.File      // holds the rest; nil if there is none
	err   error

	size        int    // of a piece
	piece, left []byte // the piece that Read is in, and what it has not returned of it
}

// NewSpool returns a spool that keeps the given number of pieces, of size bytes each, in
// memory. What does not fit is kept in a file, which temp creates.
func NewSpool(temp func() (*os.File, error), pieces, size int) *Spool {
	return &Spool{
		temp: temp, size: size, queue: make(chan []byte, pieces), used: make(chan []byte, pieces+2), ended: make(chan struct{}),
	}
}

// Fill reads all of r for the receiver. It waits for the receiver no longer than patience
// in all.
func (s *Spool) Fill(ctx context.Context, r io.Reader, patience time.Duration) {
	defer close(s.ended)
	rest, err := s.queueUp(ctx, r, patience)
	close(s.queue)
	if err == nil && rest != nil {
		err = s.spill(ctx, io.MultiReader(bytes.NewReader(rest), r))
	}
	s.err = err
}

// queueUp moves r into the queue. It returns the piece that did not fit, or nil if it has
// reached the end of r.
func (s *Spool) queueUp(ctx context.Context, r io.Reader, patience time.Duration) (rest []byte, err error) {
	for {
		var piece []byte
		select {
		case piece = <-s.used:
		default:
			piece = make([]byte, s.size)
		}
		n, err := io.ReadFull(r, piece[:s.size])
		if end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !end {
			return nil, err
		}
		if n == 0 {
			return nil, nil
		}
		select {
		case s.queue <- piece[:n]:
			continue
		default:
		}
		began, timer := time.Now(), time.NewTimer(patience)
		select {
		case s.queue <- piece[:n]:
		case <-timer.C:
			return piece[:n], nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		timer.Stop()
		patience -= time.Since(began)
	}
}

func (s *Spool) spill(ctx context.Context, r io.Reader) (err error) {
	if s.file, err = s.temp(); err != nil {
		return err
	}
	_, err = CopyPieces(ctx, s.file, r, make([]byte, s.size))
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	return err
}

// Read reads the stream for the receiver. It returns the error of Fill, if there is one.
func (s *Spool) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		if s.piece != nil {
			s.used <- s.piece
		}
		s.piece = <-s.queue
		s.left = s.piece
	}
	if s.piece == nil { // the queue is closed
		<-s.ended
		if s.err != nil {
			return 0, s.err
		}
		if s.file == nil {
			return 0, io.EOF
		}
		return s.file.Read(p)
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// Close waits for Fill and removes the file. If Fill may still run, its context must have
// ended.
func (s *Spool) Close() error {
	<-s.ended
	return fsx.RemoveTemp(s.file)
}

// CopyPieces copies the rest of r to w in pieces of buf's length. It checks ctx before
// each piece, and returns its error if it has ended.
func CopyPieces(ctx context.Context, w io.Writer, r io.Reader, buf []byte) (n int64, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		got, rerr := io.ReadFull(r, buf)
		if got > 0 {
			if _, err := w.Write(buf[:got]); err != nil {
				return n, err
			}
			n += int64(got)
		}
		switch {
		case errors.Is(rerr, io.EOF) || errors.Is(rerr, io.ErrUnexpectedEOF):
			return n, nil
		case rerr != nil:
			return n, rerr
		}
	}
}

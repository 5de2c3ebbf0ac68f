// Package archive carries the stream of a backup: the sum over all of it, and the queue
// between a state that is to be read soon and a receiver who may be slow.
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

// A Spool stands between the reading of a state, for which a snapshot is held,
// and a receiver, who may be slow: a queue in memory, and, when that has been
// full for too long, a file with all of the rest.
type Spool struct {
	temp  func() (*os.File, error) // makes the file
	queue chan []byte              // closed when no more comes this way
	used  chan []byte              // pieces that may be written over

	ended chan struct{} // closed when all has been read, or could not be
	file  *os.File      // the rest; nil: there is none
	err   error

	size        int    // of a piece
	piece, left []byte // of the receiver
}

// NewSpool returns a spool that keeps as many pieces of size bytes in memory. What does not
// fit is kept in a file, which temp makes.
func NewSpool(temp func() (*os.File, error), pieces, size int) *Spool {
	return &Spool{
		temp: temp, size: size, queue: make(chan []byte, pieces), used: make(chan []byte, pieces+2), ended: make(chan struct{}),
	}
}

// Fill reads all of r, for the receiver. It waits no longer than patience, in all,
// for that one to take something.
func (s *Spool) Fill(ctx context.Context, r io.Reader, patience time.Duration) {
	defer close(s.ended)
	rest, err := s.queueUp(ctx, r, patience)
	close(s.queue)
	if err == nil && rest != nil {
		err = s.spill(ctx, io.MultiReader(bytes.NewReader(rest), r))
	}
	s.err = err
}

// queueUp returns the piece for which there was no place, nil at the end of r.
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

// Read is the receiver's.
func (s *Spool) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		if s.piece != nil {
			s.used <- s.piece
		}
		s.piece = <-s.queue
		s.left = s.piece
	}
	if s.piece == nil { // all of it has come
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

// Close waits for fill, whose context has ended, or which has, and removes the file.
func (s *Spool) Close() error {
	<-s.ended
	return fsx.RemoveTemp(s.file)
}

// CopyPieces copies what is left to read, a piece at a time, until ctx ends.
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

package doorlog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A spool stands between the reading of a state, for which a snapshot is held,
// and a receiver, who may be slow: a queue in memory, and, when that has been
// full for too long, a file with all of the rest.
type spool struct {
	temp  func() (*os.File, error) // makes the file
	queue chan []byte              // closed when no more comes this way
	used  chan []byte              // pieces that may be written over

	ended chan struct{} // closed when all has been read, or could not be
	file  *os.File      // the rest; nil: there is none
	err   error

	piece, left []byte // of the receiver
}

// spoolPieces is how many pieces are in memory, each of backupPiece. It is a
// variable for a test.
var spoolPieces = 32

func newSpool(temp func() (*os.File, error)) *spool {
	return &spool{
		temp: temp, queue: make(chan []byte, spoolPieces), used: make(chan []byte, spoolPieces+2), ended: make(chan struct{}),
	}
}

// fill reads all of r, for the receiver. It waits no longer than patience, in all,
// for that one to take something.
func (s *spool) fill(ctx context.Context, r io.Reader, patience time.Duration) {
	defer close(s.ended)
	rest, err := s.queueUp(ctx, r, patience)
	close(s.queue)
	if err == nil && rest != nil {
		err = s.spill(ctx, io.MultiReader(bytes.NewReader(rest), r))
	}
	s.err = err
}

// queueUp returns the piece for which there was no place, nil at the end of r.
func (s *spool) queueUp(ctx context.Context, r io.Reader, patience time.Duration) (rest []byte, err error) {
	for {
		var piece []byte
		select {
		case piece = <-s.used:
		default:
			piece = make([]byte, backupPiece)
		}
		n, err := io.ReadFull(r, piece[:backupPiece])
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

func (s *spool) spill(ctx context.Context, r io.Reader) (err error) {
	if s.file, err = s.temp(); err != nil {
		return err
	}
	_, err = copyPieces(ctx, s.file, r, make([]byte, backupPiece))
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	return err
}

// Read is the receiver's.
func (s *spool) Read(p []byte) (int, error) {
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

// close waits for fill, whose context has ended, or which has, and removes the file.
func (s *spool) close() error {
	<-s.ended
	return fsx.RemoveTemp(s.file)
}

// A nameList is a list of files that events name, in memory while it is short,
// and else in a file. An entry is
//
//	 16   1       8      4       2        length
//	| ID | known | size | CRC | length | path |
//
// with the numbers big-endian.
type nameList struct {
	temp  func() (*os.File, error)
	short bytes.Buffer
	file  *os.File
	w     *bufio.Writer
	r     *bufio.Reader
	n     int64 // entries
	bytes int64 // that the files have, as far as the events say so
}

// A namedFile is an entry.
type namedFile struct {
	id   ID
	path string
	sum  fileSum
}

// shortList is how many bytes of a list are kept in memory.
const shortList = 1 << 20

func (l *nameList) add(r *record) error {
	head := make([]byte, 0, nameHead+len(r.ThumbnailPath))
	head = append(head, r.ID[:]...)
	known := byte(0)
	if r.thumb.known {
		known = 1
	}
	head = append(head, known)
	head = binary.BigEndian.AppendUint64(head, uint64(r.thumb.size))
	head = binary.BigEndian.AppendUint32(head, r.thumb.crc)
	head = binary.BigEndian.AppendUint16(head, uint16(len(r.ThumbnailPath)))
	head = append(head, r.ThumbnailPath...)
	l.n++
	l.bytes += r.thumb.size
	if l.file == nil && l.short.Len() < shortList {
		l.short.Write(head) // to memory
		return nil
	}
	if l.file == nil {
		f, err := l.temp()
		if err != nil {
			return err
		}
		l.file, l.w = f, bufio.NewWriterSize(f, backupPiece)
	}
	_, err := l.w.Write(head)
	return err
}

const nameHead = 16 + 1 + 8 + 4 + 2

// rewind comes between the last add and the first next.
func (l *nameList) rewind() error {
	all := io.Reader(&l.short)
	if l.file != nil {
		if err := l.w.Flush(); err != nil {
			return err
		}
		if _, err := l.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		all = io.MultiReader(all, l.file)
	}
	l.r = bufio.NewReader(all)
	return nil
}

// next returns the next entry; ok is false at the end.
func (l *nameList) next() (f namedFile, ok bool, err error) {
	var head [nameHead]byte
	if _, err := io.ReadFull(l.r, head[:]); errors.Is(err, io.EOF) {
		return f, false, nil
	} else if err != nil {
		return f, false, err
	}
	path := make([]byte, binary.BigEndian.Uint16(head[29:]))
	if _, err := io.ReadFull(l.r, path); err != nil {
		return f, false, err
	}
	f = namedFile{id: ID(head[:16]), path: string(path), sum: fileSum{
		known: head[16] == 1, size: int64(binary.BigEndian.Uint64(head[17:])), crc: binary.BigEndian.Uint32(head[25:]),
	}}
	return f, true, nil
}

func (l *nameList) close() error { return fsx.RemoveTemp(l.file) }

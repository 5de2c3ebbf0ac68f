package jsoninput

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A lineReader reads lines and counts them. Lines end with LF or CR LF; the last one needs
// no end. A byte order mark at the very beginning is skipped.
type lineReader struct {
	r      *bufio.Reader
	buf    []byte
	number int   // of the line that next returned last, from 1
	read   int64 // bytes so far
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, readBuffer)}
}

// waiting reports whether the next line has yet to come from the input.
func (l *lineReader) waiting() bool { return l.r.Buffered() == 0 }

// next returns the next line without its end. It stays valid until the next call. A line
// longer than MaxBytes is ErrTooLong; the line after it can be read. At the end of the input
// the error is io.EOF.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	l.number++
	tooLong, start := false, l.read
	for {
		part, err := l.r.ReadSlice('\n')
		l.read += int64(len(part))
		if len(l.buf)+len(part) > MaxBytes+len("\r\n") {
			tooLong = true
		} else if !tooLong {
			l.buf = append(l.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil && (!errors.Is(err, io.EOF) || l.read == start):
			if !errors.Is(err, io.EOF) {
				err = fmt.Errorf("after line %d: %w", l.number-1, err)
			}
			return nil, err
		default:
			line := l.trim()
			if tooLong || len(line) > MaxBytes {
				return nil, ErrTooLong
			}
			return line, nil
		}
	}
}

// trim returns buf without the end of the line and without the mark.
func (l *lineReader) trim() []byte {
	line := bytes.TrimSuffix(l.buf, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte(mark))
	}
	return line
}

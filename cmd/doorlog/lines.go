package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	maxLine    = 16 << 20 // bytes of a line of the input, without its end
	readBuffer = 256 << 10
)

var errLongLine = errors.New("is longer than 16 MiB")

// A lineReader reads lines and counts them. It takes LF and CR LF, a last line
// without an end, and a byte order mark at the very start.
type lineReader struct {
	r      *bufio.Reader
	buf    []byte
	number int   // of the line that next returned last, from 1
	read   int64 // bytes so far
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, readBuffer)}
}

func (l *lineReader) at() inputPlace { return inputPlace{line: l.number} }
func (l *lineReader) taken() int64   { return l.read }

// waiting reports whether all that was read so far was returned, so that
// another line may be long in coming.
func (l *lineReader) waiting() bool { return l.r.Buffered() == 0 }

// next returns the next line without its end, valid until the next call. A
// line above maxLine is errLongLine; the one after it can be read. The end is
// io.EOF.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	l.number++
	tooLong, start := false, l.read
	for {
		part, err := l.r.ReadSlice('\n')
		l.read += int64(len(part))
		if len(l.buf)+len(part) > maxLine+len("\r\n") {
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
			if tooLong || len(line) > maxLine {
				return nil, errLongLine
			}
			return line, nil
		}
	}
}

func (l *lineReader) trim() []byte {
	line := bytes.TrimSuffix(l.buf, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\uFEFF"))
	}
	return line
}

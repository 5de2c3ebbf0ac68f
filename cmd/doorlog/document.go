package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A documentReader reads what is no line for each value: arrays, pages as "events
// --json" prints them, and objects on several lines. It holds one value at a time.
type documentReader struct {
	in     *countingReader
	dec    *json.Decoder
	pages  bool // objects of the top level are pages
	begin  inputPlace
	inList bool // of an array, or of a page
	inPage bool
}

func newDocumentReader(r io.Reader, pages bool) *documentReader {
	in := &countingReader{r: r, line: 1}
	d := &documentReader{in: in, dec: json.NewDecoder(in), pages: pages}
	in.allow(0)
	return d
}

func (d *documentReader) at() inputPlace { return d.begin }
func (d *documentReader) taken() int64   { return d.dec.InputOffset() }
func (d *documentReader) waiting() bool  { return false }

func (d *documentReader) next() ([]byte, error) {
	raw, err := d.read()
	end := d.dec.InputOffset()
	line := d.in.lineAt(end)
	d.in.allow(end)
	if err == nil {
		d.begin = inputPlace{line - bytes.Count(raw, []byte("\n")), d.begin.item + 1}
		if len(raw) > maxLine {
			return nil, errLongLine
		}
		return raw, nil
	}
	at := inputPlace{line: line + d.blankLines()}
	switch _, isSyntax := errors.AsType[*json.SyntaxError](err); {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, lineError{at, errors.New("the document ends in the middle")}
	case isSyntax:
		return nil, lineError{at, fmt.Errorf("is not JSON: %w", err)}
	case errors.Is(err, errLongLine):
		return nil, lineError{at, err}
	}
	return nil, err
}

// blankLines counts the lines that end before what the decoder could not read.
func (d *documentReader) blankLines() int {
	rest, _ := io.ReadAll(d.dec.Buffered()) // of a bytes.Reader, which has no errors
	return bytes.Count(rest[:len(rest)-len(bytes.TrimLeft(rest, space+","))], []byte("\n"))
}

// read returns the next value.
func (d *documentReader) read() (raw json.RawMessage, err error) {
	for {
		switch {
		case d.inList && d.dec.More():
			err = d.dec.Decode(&raw)
			return raw, midway(err)
		case d.inList:
			if _, err := d.dec.Token(); err != nil { // the bracket
				return nil, midway(err)
			}
			d.inList = false
		case d.inPage:
			if err := d.pageField(); err != nil {
				return nil, midway(err)
			}
		default:
			raw, err := d.top()
			if raw != nil || err != nil {
				return raw, err
			}
		}
	}
}

// midway: the end of the input is not expected here.
func midway(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pageField reads a field of a page, up to its list, or the end of the page.
func (d *documentReader) pageField() error {
	token, err := d.dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('}'):
		d.inPage = false
		return nil
	case "events":
		if token, err = d.dec.Token(); err == nil && token != json.Delim('[') {
			err = foreignError("is an object whose events are no list" + wanted)
		}
		d.inList = err == nil
		return err
	case "next", "prev":
		_, err = d.dec.Token()
		return err
	}
	return foreignError(fmt.Sprintf("is an object with events, but also with the field %q", token) + wanted)
}

// A foreignError says what an input is that is not for import.
type foreignError string

func (e foreignError) Error() string { return string(e) }

// top begins a value of the top level. It returns one that is not a list.
func (d *documentReader) top() (json.RawMessage, error) {
	begin, err := d.peek()
	if err != nil {
		return nil, err
	}
	switch {
	case begin == '[':
		d.inList = true
		_, err := d.dec.Token()
		return nil, err
	case begin == '{' && d.pages:
		d.inPage = true
		_, err := d.dec.Token()
		return nil, err
	}
	var raw json.RawMessage
	err = d.dec.Decode(&raw)
	return raw, err
}

// peek returns the first byte of the next value.
func (d *documentReader) peek() (byte, error) {
	if !d.dec.More() {
		if _, err := d.dec.Token(); err != nil {
			return 0, err
		}
	}
	var first [1]byte
	_, err := d.dec.Buffered().Read(first[:]) // More has passed over the space before it
	return first[0], err
}

// A countingReader knows on which line a byte is, and bounds how far ahead of the
// last value the decoder may read.
type countingReader struct {
	r     io.Reader
	read  int64
	limit int64
	line  int     // at the last place that was asked for
	ends  []int64 // of lines after it
}

// allow sets the end of the last value.
func (c *countingReader) allow(end int64) { c.limit = end + maxLine + 2*readBuffer }

func (c *countingReader) Read(p []byte) (int, error) {
	if c.read >= c.limit {
		return 0, errLongLine
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.limit-c.read)])
	for i, b := range p[:n] {
		if b == '\n' {
			c.ends = append(c.ends, c.read+int64(i))
		}
	}
	c.read += int64(n)
	return n, err
}

// lineAt returns the line of a place that is not before the last one.
func (c *countingReader) lineAt(at int64) int {
	n, _ := slices.BinarySearch(c.ends, at)
	c.line += n
	c.ends = slices.Delete(c.ends, 0, n)
	return c.line
}

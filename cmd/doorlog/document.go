package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// errLongValue is errLongLine, but what follows cannot be read.
var errLongValue = errors.New(errLongLine.Error())

// A documentReader reads what is no line for each value: arrays, pages as "events
// --json" prints them, and objects on several lines. It holds one value at a time.
type documentReader struct {
	in     *countingReader
	dec    *json.Decoder
	from   int64 // where in the input it begins
	begin  inputPlace
	items  int  // of the list so far
	inList bool // of an array, or of a page
	inPage bool
	begun  bool // a value of the top level has been
}

// errDocumentEnds says that the line of the last value has nothing after it.
var errDocumentEnds = errors.New("the document ends")

func newDocumentReader(r io.Reader) *documentReader {
	in := &countingReader{r: r, line: 1}
	d := &documentReader{in: in, dec: json.NewDecoder(in)}
	in.allow(0)
	return d
}

// end is where in the input the last value ends.
func (d *documentReader) end() int64 { return d.from + d.dec.InputOffset() }

// lineEnds reports whether a value of the top level has ended, and its line too.
func (d *documentReader) lineEnds() bool {
	if d.inList || d.inPage || !d.begun {
		return false
	}
	rest, _ := io.ReadAll(d.dec.Buffered()) // of a bytes.Reader, which has no errors
	return len(bytes.TrimLeft(rest, space)) == 0 && bytes.HasSuffix(rest, []byte("\n"))
}

func (d *documentReader) at() inputPlace { return d.begin }
func (d *documentReader) taken() int64   { return d.end() }
func (d *documentReader) waiting() bool  { return false }

func (d *documentReader) next() ([]byte, error) {
	raw, err := d.read()
	if errors.Is(err, errDocumentEnds) {
		return nil, err
	}
	end := d.end()
	line := d.in.lineAt(end)
	d.in.allow(end)
	if err == nil {
		d.begin = inputPlace{line: line - bytes.Count(raw, []byte("\n"))}
		if d.inList {
			d.items++
			d.begin.item = d.items
		}
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
	case errors.Is(err, errLongValue):
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
		case d.lineEnds():
			return nil, errDocumentEnds
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
	begin, page, err := d.peek()
	if err != nil {
		return nil, err
	}
	d.begun, d.items = true, 0
	switch {
	case begin == '[':
		d.inList = true
		_, err := d.dec.Token()
		return nil, err
	case begin == '{' && page:
		d.inPage = true
		_, err := d.dec.Token()
		return nil, err
	}
	var raw json.RawMessage
	err = d.dec.Decode(&raw)
	return raw, err
}

// peek returns the first byte of the next value, and whether that is a page.
func (d *documentReader) peek() (first byte, page bool, err error) {
	if !d.dec.More() {
		if _, err := d.dec.Token(); err != nil {
			return 0, false, err
		}
	}
	text, _ := io.ReadAll(d.dec.Buffered()) // More has passed over the space before it
	for undecided(text) {
		more := make([]byte, readBuffer)
		n, err := d.in.Read(more)
		if n == 0 && err != nil {
			break
		}
		text = append(text, more[:n]...)
		d.from = d.end()
		d.dec = json.NewDecoder(io.MultiReader(bytes.NewReader(text), d.in))
	}
	return text[0], isPage(text), nil //nolint:nilerr // the decoder meets it too
}

// undecided reports whether an object has begun, but not the name of its first field.
func undecided(text []byte) bool {
	rest, isObject := bytes.CutPrefix(text, []byte("{"))
	rest = bytes.TrimLeft(rest, space)
	return isObject && (len(rest) == 0 || rest[0] == '"' && len(rest) < readBuffer && bytes.IndexByte(rest[1:], '"') < 0)
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
		return 0, errLongValue
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

package jsoninput

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errDocumentEnds means that the last value has ended and that its line is empty after it.
var errDocumentEnds = errors.New("the document ends")

// A documentReader reads arrays, pages, and objects on several lines. It holds one value at
// a time.
type documentReader struct {
	in     *countingReader
	dec    *json.Decoder
	from   int64 // where in the input dec began to read
	begin  Place // of the last value
	items  int   // of the array so far
	inList bool  // in an array, which may be that of a page
	inPage bool
	begun  bool // there has been a value of the top level
}

// newDocumentReader returns the reader of a document that begins on this line of an input,
// of which so many bytes have been read before.
func newDocumentReader(r io.Reader, line int, read int64) *documentReader {
	in := &countingReader{r: r, line: line, read: read}
	in.allow(read)
	return &documentReader{in: in, dec: json.NewDecoder(in), from: read}
}

// end returns where in the input the last value ends.
func (d *documentReader) end() int64 { return d.from + d.dec.InputOffset() }

// lineEnds reports whether a value of the top level has ended, and its line with it.
func (d *documentReader) lineEnds() bool {
	if d.inList || d.inPage || !d.begun {
		return false
	}
	rest, _ := io.ReadAll(d.dec.Buffered()) // reading a bytes.Reader never fails
	return len(bytes.TrimLeft(rest, space)) == 0 && bytes.HasSuffix(rest, []byte("\n"))
}

// next returns the next value, or errDocumentEnds.
func (d *documentReader) next() ([]byte, error) {
	raw, err := d.read()
	if errors.Is(err, errDocumentEnds) {
		return nil, err
	}
	end := d.end()
	line := d.in.lineAt(end)
	d.in.allow(end)
	if err == nil {
		d.begin = Place{Line: line - bytes.Count(raw, []byte("\n"))}
		if d.inList {
			d.items++
			d.begin.Item = d.items
		}
		if len(raw) > MaxBytes {
			return nil, ErrTooLong
		}
		return raw, nil
	}
	at := Place{Line: line + d.blankLines()}
	switch _, isSyntax := errors.AsType[*json.SyntaxError](err); {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, BrokenError{at, errors.New("the document ends in the middle")}
	case isSyntax:
		return nil, BrokenError{at, fmt.Errorf("is not JSON: %w", err)}
	case errors.Is(err, errLongValue):
		return nil, BrokenError{at, err}
	}
	return nil, err
}

// blankLines counts the blank lines before what the decoder could not read.
func (d *documentReader) blankLines() int {
	rest, _ := io.ReadAll(d.dec.Buffered()) // reading a bytes.Reader never fails
	return bytes.Count(rest[:len(rest)-len(bytes.TrimLeft(rest, space+","))], []byte("\n"))
}

// read returns the next value as it stands in the input.
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

// midway returns err, or io.ErrUnexpectedEOF if the input ends in the middle of a value.
func midway(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pageField reads one field of a page, of "events" only its bracket, or the end of the page.
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
			err = ForeignError("is an object whose events are no list" + Wanted)
		}
		d.inList = err == nil
		return err
	case "next", "prev":
		_, err = d.dec.Token()
		return err
	}
	return ForeignError(fmt.Sprintf("is an object with events, but also with the field %q", token) + Wanted)
}

// top begins a value of the top level. It returns nothing if that is an array or a page,
// whose values follow.
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

// peek returns the first byte of the next value, and whether the value is a page.
func (d *documentReader) peek() (first byte, page bool, err error) {
	if !d.dec.More() {
		if _, err := d.dec.Token(); err != nil {
			return 0, false, err
		}
	}
	text, _ := io.ReadAll(d.dec.Buffered()) // More has skipped the space before it
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
	return text[0], isPage(text), nil //nolint:nilerr // the decoder will meet the error again
}

// undecided reports whether an object has begun whose first field is not there as a whole.
func undecided(text []byte) bool {
	rest, isObject := bytes.CutPrefix(text, []byte("{"))
	rest = bytes.TrimLeft(rest, space)
	return isObject && (len(rest) == 0 || rest[0] == '"' && len(rest) < readBuffer && bytes.IndexByte(rest[1:], '"') < 0)
}

package jsoninput

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// A Reader reads values. What a line begins with decides whether the line is one value, or
// whether a document begins there: an array, a page, or an object on several lines.
type Reader struct {
	lines *lineReader
	doc   *documentReader // nil between documents
}

// New returns a reader. It waits for the first bytes of the input, and returns a
// [ForeignError] if they are not those of JSON.
func New(in io.Reader) (*Reader, error) {
	r := bufio.NewReaderSize(in, readBuffer)
	if first, _ := r.Peek(1); string(first) == mark[:1] {
		_, _ = r.Peek(len(mark))
	}
	head, _ := r.Peek(r.Buffered()) // no more, because the rest of a pipe may come much later
	if what := foreignBytes(head); what != "" {
		return nil, ForeignError(what)
	}
	return &Reader{lines: &lineReader{r: r}}, nil
}

// Next returns the next value, which stays valid until the next call. It returns nothing
// for an empty line. The error is ErrTooLong, io.EOF at the end, a BrokenError or a
// ForeignError, or that of the input.
func (r *Reader) Next() ([]byte, error) {
	for {
		if r.doc != nil {
			raw, err := r.doc.next()
			if !errors.Is(err, errDocumentEnds) {
				return raw, err
			}
			r.lines.number, r.lines.read = r.doc.in.line+len(r.doc.in.ends)-1, r.doc.in.read
			r.doc = nil
		}
		if r.documentBegins() {
			r.begin(nil)
			continue
		}
		line, err := r.lines.next()
		switch {
		case err != nil || len(bytes.Trim(line, space)) == 0:
			return nil, err
		case !r.goesOn(line):
			return line, nil
		}
		r.lines.number--
		r.lines.read -= int64(len(r.lines.buf))
		r.begin(r.lines.buf)
	}
}

// At returns where the last value began.
func (r *Reader) At() Place {
	if r.doc != nil {
		return r.doc.begin
	}
	return Place{Line: r.lines.number}
}

// Taken returns how many bytes of the input the values up to now have taken.
func (r *Reader) Taken() int64 {
	if r.doc != nil {
		return r.doc.end()
	}
	return r.lines.read
}

// Waiting reports whether the next value has yet to come from the input, which may take long.
func (r *Reader) Waiting() bool {
	return r.lines.waiting() && (r.doc == nil || r.doc.lineEnds())
}

// begin begins a document, of which some bytes have been read already.
func (r *Reader) begin(some []byte) {
	rest := io.Reader(&linewise{r.lines.r})
	if len(some) > 0 {
		rest = io.MultiReader(bytes.NewReader(bytes.Clone(some)), rest)
	}
	r.doc = newDocumentReader(rest, r.lines.number+1, r.lines.read)
}

// documentBegins reports whether an array or a page begins here. It may be longer than a
// line may be.
func (r *Reader) documentBegins() bool {
	in := r.lines.r
	if r.lines.number == 0 {
		if head, _ := in.Peek(min(in.Buffered(), len(mark))); string(head) == mark {
			n, _ := in.Discard(len(mark))
			r.lines.read += int64(n)
		}
	}
	_, _ = in.Peek(1)
	head, _ := in.Peek(in.Buffered())
	head = bytes.TrimLeft(head, " \t")
	return bytes.HasPrefix(head, []byte("[")) || bytes.HasPrefix(head, []byte("{")) && isPage(head)
}

// goesOn reports whether a document begins with this line: an array or a page that
// documentBegins did not recognise by its first bytes, or an object that goes on in the
// next line. If the next line is no continuation of the object, the line is just cut off.
func (r *Reader) goesOn(line []byte) bool {
	line = bytes.Trim(line, space)
	if bytes.HasPrefix(line, []byte("[")) || isPage(line) {
		return true
	}
	if !bytes.HasPrefix(line, []byte("{")) || bytes.HasSuffix(line, []byte("}")) {
		return false
	}
	in := r.lines.r
	if _, err := in.Peek(1); err != nil {
		return false
	}
	after, _ := in.Peek(in.Buffered())
	next := bytes.TrimLeft(after, space)
	return after[0] != '{' && isBegun(append(append(bytes.Clone(line), '\n'), next[:min(len(next), 1)]...))
}

// isBegun reports whether text is JSON, or the beginning of JSON.
func isBegun(text []byte) bool {
	err := json.Unmarshal(text, new(json.RawMessage))
	syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
	return !isSyntax || syntax.Error() == "unexpected end of JSON input"
}

// linewise reads no further than the end of a line.
type linewise struct{ r *bufio.Reader }

func (l *linewise) Read(p []byte) (int, error) {
	if _, err := l.r.Peek(1); err != nil {
		return 0, err
	}
	head, _ := l.r.Peek(min(l.r.Buffered(), len(p)))
	if end := bytes.IndexByte(head, '\n'); end >= 0 {
		head = head[:end+1]
	}
	n := copy(p, head)
	_, err := l.r.Discard(n)
	return n, err
}

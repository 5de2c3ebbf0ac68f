package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A source gives the values of an input one after the other.
type source interface {
	// next returns the next value, valid until the next call. One above maxLine is
	// errLongLine; the one after it can be read. The end is io.EOF.
	next() ([]byte, error)

	// at says where that value began, and taken how many bytes have been read.
	at() inputPlace
	taken() int64

	// waiting reports whether all that was read so far was returned, so that
	// another value may be long in coming.
	waiting() bool
}

// An inputPlace is where a value of the input begins: a line, and, in a document, which
// value it is; 0 where each line is a value.
type inputPlace struct{ line, item int }

func (p inputPlace) String() string {
	if p.item == 0 {
		return fmt.Sprintf("line %d", p.line)
	}
	return fmt.Sprintf("line %d, item %d", p.line, p.item)
}

// newSource looks at how an input begins: JSON, or something else, which is an error.
func newSource(in io.Reader) (source, error) {
	r := bufio.NewReaderSize(in, readBuffer)
	if first, _ := r.Peek(1); string(first) == mark[:1] {
		_, _ = r.Peek(len(mark))
	}
	head, _ := r.Peek(r.Buffered()) // no more: the rest of a pipe may be long in coming
	if what := foreignBytes(head); what != "" {
		return nil, foreignError(what)
	}
	return &valueReader{lineReader: &lineReader{r: r}}, nil
}

const mark, space = "\uFEFF", " \t\r\n"

// A valueReader reads lines, each of which is a value, and documents among them: an
// array, a page, or an object on several lines. What begins on a line decides.
type valueReader struct {
	*lineReader
	doc *documentReader // nil: at the beginning of a line
}

func (v *valueReader) at() inputPlace {
	if v.doc != nil {
		return v.doc.at()
	}
	return v.lineReader.at()
}

func (v *valueReader) taken() int64 {
	if v.doc != nil {
		return v.doc.taken()
	}
	return v.lineReader.taken()
}

func (v *valueReader) waiting() bool {
	return v.lineReader.waiting() && (v.doc == nil || v.doc.lineEnds())
}

func (v *valueReader) next() ([]byte, error) {
	for {
		if v.doc != nil {
			raw, err := v.doc.next()
			if !errors.Is(err, errDocumentEnds) {
				return raw, err
			}
			v.number, v.read, v.doc = v.doc.in.line+len(v.doc.in.ends)-1, v.doc.in.read, nil
		}
		if v.streams() {
			v.begin(nil)
			continue
		}
		line, err := v.lineReader.next()
		switch {
		case err != nil || len(bytes.Trim(line, space)) == 0:
			return nil, err
		case !v.goesOn(line):
			return line, nil
		}
		v.number--
		v.read -= int64(len(v.buf))
		v.begin(v.buf)
	}
}

// begin begins a document, of which some has been read.
func (v *valueReader) begin(some []byte) {
	rest := io.Reader(&linewise{v.r})
	if len(some) > 0 {
		rest = io.MultiReader(bytes.NewReader(bytes.Clone(some)), rest)
	}
	v.doc = newDocumentReader(rest)
	v.doc.in.line, v.doc.in.read, v.doc.from = v.number+1, v.read, v.read
	v.doc.in.allow(v.doc.from)
}

// streams reports whether a list or a page begins, which may be longer than a line.
func (v *valueReader) streams() bool {
	if v.number == 0 {
		if head, _ := v.r.Peek(min(v.r.Buffered(), len(mark))); string(head) == mark {
			n, _ := v.r.Discard(len(mark))
			v.read += int64(n)
		}
	}
	_, _ = v.r.Peek(1)
	head, _ := v.r.Peek(v.r.Buffered())
	head = bytes.TrimLeft(head, " \t")
	return bytes.HasPrefix(head, []byte("[")) || bytes.HasPrefix(head, []byte("{")) && isPage(head)
}

// goesOn reports whether a document begins with a line: a list or a page, of which
// streams has seen too little, or an object that goes on in the next line. That line
// must be a continuation of it, else this one is just cut off.
func (v *valueReader) goesOn(line []byte) bool {
	line = bytes.Trim(line, space)
	if bytes.HasPrefix(line, []byte("[")) || isPage(line) {
		return true
	}
	if !bytes.HasPrefix(line, []byte("{")) || bytes.HasSuffix(line, []byte("}")) {
		return false
	}
	if _, err := v.r.Peek(1); err != nil {
		return false
	}
	after, _ := v.r.Peek(v.r.Buffered())
	next := bytes.TrimLeft(after, space)
	return after[0] != '{' && isBegun(append(append(bytes.Clone(line), '\n'), next[:min(len(next), 1)]...))
}

// isBegun reports whether text is the beginning of JSON, or whole.
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

// isPage reports whether JSON begins as what "events --json" prints.
func isPage(text []byte) bool {
	switch firstField(text) {
	case "events", "next", "prev":
		return true
	}
	return false
}

// firstField returns the name of the first field of a JSON object, if it is plain.
func firstField(raw []byte) string {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(raw, space), []byte("{"))
	if !ok {
		return ""
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(`"`)); !ok {
		return ""
	}
	name, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return ""
	}
	return string(name)
}

// magics are how files begin that are often mistaken for JSON, and what to do.
var magics = []struct{ begin, what string }{
	{"\x1f\x8b", "is gzip: unpack it first, as in: zcat FILE | doorlog import -"},
	{"\x28\xb5\x2f\xfd", "is zstd: unpack it first, as in: zstdcat FILE | doorlog import -"},
	{"\xfd7zXZ\x00", "is xz: unpack it first, as in: xzcat FILE | doorlog import -"},
	{"BZh", "is bzip2: unpack it first, as in: bzcat FILE | doorlog import -"},
	{"PK\x03\x04", "is zip: unpack it first"},
	{"\xff\xfe", utf16Text},
	{"\xfe\xff", utf16Text},
	{"\xff\xd8\xff", "is a JPEG picture" + wanted},
	{"\x89PNG", "is a PNG picture" + wanted},
	{"GIF8", "is a GIF picture" + wanted},
	{"%PDF", "is PDF" + wanted},
	{"SQLite format 3\x00", "is an SQLite database" + wanted},
	{"<", "is HTML or XML" + wanted},
}

const (
	utf16Text = "is UTF-16: make it UTF-8 first, as in: iconv -f UTF-16 -t UTF-8 FILE | doorlog import -"
	wanted    = `: wanted are events as doorlog prints them, with camera_id, recorded_at and event_type (see "doorlog import --help")`
)

// foreignBytes says what an input is that is no JSON at all, as far as that is known.
func foreignBytes(head []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.begin)) {
			return m.what
		}
	}
	const tarMagic, tarAt, boltMagic, boltOther, boltAt = "ustar", 257, "\xed\xda\x0c\xed", "\xed\x0c\xda\xed", 16
	at := func(magic string, at int) bool {
		return len(head) > at && bytes.HasPrefix(head[at:], []byte(magic))
	}
	switch {
	case at(tarMagic, tarAt):
		return `is a tar archive: a backup goes into "doorlog restore"`
	case at(boltMagic, boltAt), at(boltOther, boltAt):
		return `is a database: "doorlog export" makes of one what import takes`
	case at("ftyp", 4):
		return "is a video" + wanted
	case len(head) > 1 && (head[0] == 0 || head[1] == 0):
		return utf16Text
	case bytes.IndexByte(head[:min(len(head), 512)], 0) >= 0:
		return "is no text" + wanted
	}
	if bytes.HasPrefix(head, []byte("TIME ")) {
		return "is a table that doorlog prints for people: say --json or --jsonl there"
	}
	if columns := csvColumns(head); columns > 0 {
		return fmt.Sprintf("is CSV with %d columns", columns) + wanted
	}
	return ""
}

// csvColumns returns the number of columns if the first two lines look like those
// of a table.
func csvColumns(head []byte) int {
	lines := strings.SplitN(strings.TrimPrefix(string(head), mark), "\n", 3)
	if len(lines) < 2 || strings.ContainsAny(lines[0], "{}[]") {
		return 0
	}
	for _, mark := range []string{",", ";", "\t"} {
		n := strings.Count(lines[0], mark)
		if n > 0 && (lines[1] == "" || strings.Count(lines[1], mark) >= n) {
			return n + 1
		}
	}
	return 0
}

package main

import (
	"bufio"
	"bytes"
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

// newSource looks at how an input begins: lines of JSON, a document, or something
// else, which is an error.
func newSource(in io.Reader) (source, error) {
	r := bufio.NewReaderSize(in, readBuffer)
	if _, err := r.Peek(1); err != nil {
		return newLineReader(r), nil //nolint:nilerr // which meets it too
	}
	head, _ := r.Peek(r.Buffered()) // no more: the rest of a pipe may be long in coming
	if what := foreignBytes(head); what != "" {
		return nil, foreignError(what)
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte(mark)), space)
	for undecided(text) || len(head) < len(mark) && strings.HasPrefix(mark, string(head)) {
		var err error
		if head, err = r.Peek(len(head) + 1); err != nil {
			break
		}
		text = bytes.TrimLeft(bytes.TrimPrefix(head, []byte(mark)), space)
	}
	spread := bytes.HasPrefix(text, []byte("{")) && // an object on several lines
		bytes.HasPrefix(bytes.TrimLeft(text[1:], space), []byte(`"`)) && bytes.ContainsRune(text[:bytes.IndexByte(text, '"')], '\n')
	switch {
	case bytes.HasPrefix(text, []byte("[")), isPage(text), spread:
		if bytes.HasPrefix(head, []byte(mark)) {
			_, _ = r.Discard(len(mark)) // it has been peeked at
		}
		return newDocumentReader(r, isPage(text)), nil
	}
	return newLineReader(r), nil
}

const mark, space = "\uFEFF", " \t\r\n"

// undecided reports whether an object has begun, but not the first of its fields.
func undecided(text []byte) bool {
	rest, isObject := bytes.CutPrefix(text, []byte("{"))
	if rest = bytes.TrimLeft(rest, space); isObject && len(rest) > 0 {
		return rest[0] == '"' && bytes.IndexByte(rest[1:], '"') < 0
	}
	return isObject || len(text) == 0
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

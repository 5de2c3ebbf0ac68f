package jsoninput

import (
	"bytes"
	"fmt"
	"strings"
)

// A ForeignError says what an input is that cannot be imported, such as "is a JPEG picture".
type ForeignError string

func (e ForeignError) Error() string { return string(e) }

// magics has how files begin that are often mistaken for JSON, and what to say of each.
var magics = []struct{ begin, what string }{
	{"\x1f\x8b", "is gzip: unpack it first, as in: zcat FILE | doorlog import -"},
	{"\x28\xb5\x2f\xfd", "is zstd: unpack it first, as in: zstdcat FILE | doorlog import -"},
	{"\xfd7zXZ\x00", "is xz: unpack it first, as in: xzcat FILE | doorlog import -"},
	{"BZh", "is bzip2: unpack it first, as in: bzcat FILE | doorlog import -"},
	{"PK\x03\x04", "is zip: unpack it first"},
	{"\xff\xfe", utf16Text},
	{"\xfe\xff", utf16Text},
	{"\xff\xd8\xff", "is a JPEG picture" + Wanted},
	{"\x89PNG", "is a PNG picture" + Wanted},
	{"GIF8", "is a GIF picture" + Wanted},
	{"%PDF", "is PDF" + Wanted},
	{"SQLite format 3\x00", "is an SQLite database" + Wanted},
	{"<", "is HTML or XML" + Wanted},
}

const (
	utf16Text = "is UTF-16: convert it to UTF-8 first, as in: iconv -f UTF-16 -t UTF-8 FILE | doorlog import -"
	// Wanted says, after what an input is, what it should be.
	Wanted = `: import takes events as doorlog prints them, with camera_id, recorded_at and event_type (see "doorlog import --help")`
)

// foreignBytes says what an input is that begins in this way, or "" if it may be JSON.
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
		return `is a tar archive: "doorlog restore" reads backups`
	case at(boltMagic, boltAt), at(boltOther, boltAt):
		return `is a database: "doorlog export" writes what import takes`
	case at("ftyp", 4):
		return "is a video" + Wanted
	case len(head) > 1 && (head[0] == 0 || head[1] == 0):
		return utf16Text
	case bytes.IndexByte(head[:min(len(head), 512)], 0) >= 0:
		return "is no text" + Wanted
	}
	if bytes.HasPrefix(head, []byte("TIME ")) {
		return "is a table that doorlog prints for people: print it with --json or --jsonl"
	}
	if columns := csvColumns(head); columns > 0 {
		return fmt.Sprintf("is CSV with %d columns", columns) + Wanted
	}
	return ""
}

// csvColumns returns the number of columns if the first two lines look like those of CSV,
// and 0 if they do not.
func csvColumns(head []byte) int {
	lines := strings.SplitN(strings.TrimPrefix(string(head), mark), "\n", 3)
	if len(lines) < 2 || strings.ContainsAny(lines[0], "{}[]") {
		return 0
	}
	for _, comma := range []string{",", ";", "\t"} {
		n := strings.Count(lines[0], comma)
		if n > 0 && (lines[1] == "" || strings.Count(lines[1], comma) >= n) {
			return n + 1
		}
	}
	return 0
}

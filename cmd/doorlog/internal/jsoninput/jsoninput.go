// Package jsoninput reads JSON values from an input, one after the other, and tells where
// each begins. The values may stand on a line each, in arrays, in pages as "doorlog events
// --json" prints them, or on several lines; one form may follow another. Only one value at
// a time is held in memory.
package jsoninput

import (
	"bytes"
	"errors"
	"fmt"
)

// MaxBytes is the length of the longest value, and of the longest line without its end.
const MaxBytes = 16 << 20

// ErrTooLong is returned by [Reader.Next] for a line longer than MaxBytes. The next line can
// be read.
var ErrTooLong = errors.New("is longer than 16 MiB")

const (
	readBuffer = 256 << 10
	mark       = "\uFEFF" // the byte order mark
	space      = " \t\r\n"
)

// A Place is where a value begins. Item is its number in its array, or 0 if it is in none.
type Place struct{ Line, Item int }

// String returns "line 3" or "line 3, item 2".
func (p Place) String() string {
	if p.Item == 0 {
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("line %d, item %d", p.Line, p.Item)
}

// A BrokenError says where the input is no JSON any more. Nothing after it can be read.
type BrokenError struct {
	Place Place
	Err   error
}

func (e BrokenError) Error() string { return e.Place.String() + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e BrokenError) Unwrap() error { return e.Err }

// isPage reports whether JSON begins as a page does.
func isPage(text []byte) bool {
	switch FirstField(text) {
	case "events", "next", "prev":
		return true
	}
	return false
}

// FirstField returns the name of the first field of a JSON object, or "" if text is
// something else. It resolves no escapes.
func FirstField(text []byte) string {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(text, space), []byte("{"))
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

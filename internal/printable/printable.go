// Package printable escapes what a text must not have where it is shown: on a terminal, in a table, in a
// spreadsheet.
package printable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// unsafe has the characters that are escaped: a terminal acts on them, or they change the
// direction of writing, or they show nothing and no language needs them. All other
// characters are shown as they are. Among them are the spaces and joiners that names are
// written with (U+00A0, U+3000, U+200C, U+200D), and characters that package unicode does
// not know yet.
var unsafe = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0000, Hi: 0x001f, Stride: 1}, // control characters, line breaks
		{Lo: 0x007f, Hi: 0x009f, Stride: 1}, // DEL, control characters of 8 bits
		{Lo: 0x061c, Hi: 0x061c, Stride: 1}, // Arabic letter mark
		{Lo: 0x200e, Hi: 0x200f, Stride: 1}, // left-to-right and right-to-left mark
		{Lo: 0x2028, Hi: 0x202e, Stride: 1}, // line and paragraph separator, embeddings, overrides
		{Lo: 0x2066, Hi: 0x206f, Stride: 1}, // isolates, deprecated format characters
		{Lo: 0xfeff, Hi: 0xfeff, Stride: 1}, // byte order mark
		{Lo: 0xfff9, Hi: 0xfffb, Stride: 1}, // interlinear annotation
	},
	R32:         []unicode.Range32{{Lo: firstTag, Hi: lastTag, Stride: 1}},
	LatinOffset: 2,
}

// Tag characters show nothing, and may hide a whole text. Only after a black flag they are
// shown: they make it the flag of a country such as Scotland.
const (
	firstTag  = 0xe0000
	lastTag   = 0xe007f
	blackFlag = 0x1f3f4
)

// Text returns s with everything escaped that a terminal might act on, or that would
// break a table: control characters, line breaks, and marks that change the direction of
// writing.
func Text(s string) string { return escape(s, "", GoEscape) }

// Lines is [Text], but keeps line breaks.
func Lines(s string) string { return escape(s, "\n", GoEscape) }

// GoEscape escapes a character as Go strings do.
func GoEscape(r rune) string { return strings.Trim(strconv.QuoteRuneToASCII(r), "'") }

// JSONEscape escapes a character as JSON strings do.
func JSONEscape(r rune) string {
	if r1, r2 := utf16.EncodeRune(r); r1 != unicode.ReplacementChar {
		return fmt.Sprintf(`\u%04x\u%04x`, r1, r2)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// escape returns s with the unsafe characters that are not in keep escaped by a function.
func escape(s, keep string, by func(rune) string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unsafe, r) }) {
		return s
	}
	var b strings.Builder
	flag := false // a black flag, and nothing but tags after it
	for _, r := range s {
		isTag := firstTag <= r && r <= lastTag
		if !unicode.Is(unsafe, r) || isTag && flag || strings.ContainsRune(keep, r) {
			b.WriteRune(r)
		} else {
			b.WriteString(by(r))
		}
		flag = r == blackFlag || isTag && flag
	}
	return b.String()
}

// WriteJSON writes v as JSON, and a line feed. It also escapes what a terminal might act on
// and encoding/json leaves as it is, such as the CSI of ISO 6429.
func WriteJSON(w io.Writer, v any, indent bool) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // this is for no browser
	if indent {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escape(buf.String(), "\n", JSONEscape))
	return err
}

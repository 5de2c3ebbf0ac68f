package main

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

// unsafe are the characters that are not shown as they are: a terminal acts on them, or
// they turn the direction of writing, or they show nothing and no writing needs them.
// All others are, among them the spaces and joiners that names are written with (U+00A0,
// U+3000, U+200C, U+200D), and those that package unicode does not know yet.
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

// Tags show nothing, and may hold a whole text. Behind a black flag they make it that of
// a country such as Scotland.
const (
	firstTag  = 0xe0000
	lastTag   = 0xe007f
	blackFlag = 0x1f3f4
)

// printable returns s with everything escaped that a terminal might act on,
// or that would break a table: control characters, line breaks, marks that
// turn the direction of writing.
func printable(s string) string { return escape(s, "", goEscape) }

// printableLines is printable, but leaves line breaks.
func printableLines(s string) string { return escape(s, "\n", goEscape) }

// goEscape returns the escape of a Go string.
func goEscape(r rune) string { return strings.Trim(strconv.QuoteRuneToASCII(r), "'") }

// jsonEscape returns the escape of a JSON string.
func jsonEscape(r rune) string {
	if r1, r2 := utf16.EncodeRune(r); r1 != unicode.ReplacementChar {
		return fmt.Sprintf(`\u%04x\u%04x`, r1, r2)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// escape returns s with what is unsafe, but not in keep, as by writes it.
func escape(s, keep string, by func(rune) string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unsafe, r) }) {
		return s
	}
	var b strings.Builder
	flag := false // all since a black flag are tags
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

// writeJSON writes v and a line feed. What a terminal might act on is escaped:
// encoding/json leaves some of it as it is, such as the CSI of ISO 6429.
func writeJSON(w io.Writer, v any, indent bool) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // no page of a browser
	if indent {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escape(buf.String(), "\n", jsonEscape))
	return err
}

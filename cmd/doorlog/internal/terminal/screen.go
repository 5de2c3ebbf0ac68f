// Package terminal writes text for people: tables, charts and progress bars that fit the
// screen, and whatever other people may have put into a name, made harmless.
package terminal

import (
	"cmp"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/doorlog/doorlog/internal/printable"
)

// pageWidth is how many columns every terminal has, and how many drawings and help take at
// most.
const pageWidth = 80

// A Screen is what is known of the place where text appears.
type Screen struct {
	Columns int  // of a terminal; 0 for a file or a pipe, where lines may have any length
	ASCII   bool // it shows ASCII characters only
}

// ScreenOf returns what is known of standard output or standard error.
func ScreenOf(w io.Writer) Screen { return Screen{Columns: columnsOf(w), ASCII: localeIsASCII()} }

// Is reports whether a stream is a terminal.
func Is(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columnsOf returns the width of a terminal, and 0 for anything else.
func columnsOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !Is(f) {
		return 0
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return columns
	}
	columns, _ := strconv.Atoi(os.Getenv("COLUMNS")) // a serial line does not know its width
	return cmp.Or(max(0, columns), pageWidth)
}

// localeIsASCII reports whether the locale has a character set other than UTF-8. Where no
// locale is set, as in cron and in containers, text is UTF-8.
func localeIsASCII() bool {
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	locale = strings.ToUpper(strings.ReplaceAll(locale, "-", ""))
	return locale != "" && !strings.Contains(locale, "UTF8")
}

// Width returns how many columns drawings and help may have.
func (sc Screen) Width() int { return cmp.Or(min(sc.Columns, pageWidth), pageWidth) }

// asciiSigns replaces the signs that this program uses, and others that ASCII has a similar
// one for.
var asciiSigns = strings.NewReplacer(
	"—", "-", "–", "-", "…", "...", "×", "x", "│", "|", "’", "'", "‘", "'", "“", `"`, "”", `"`, "\u00a0", " ",
)

// text returns s in characters that the screen shows. It escapes the others.
func (sc Screen) text(s string) string {
	if !sc.ASCII {
		return s
	}
	return escapeBeyondASCII(asciiSigns.Replace(s), printable.GoEscape)
}

// cut returns the text, or if it has more columns, its beginning and an ellipsis.
func (sc Screen) cut(text string, columns int) string {
	if uniseg.StringWidth(text) <= columns {
		return text
	}
	ellipsis := sc.text("…")
	if len(ellipsis) >= columns && sc.ASCII {
		ellipsis = "."
	}
	head, _ := cutAt(text, columns-uniseg.StringWidth(ellipsis))
	return head + ellipsis
}

// JSON returns a writer for JSON that the screen shows. It means the same as that written to
// w. Each Write must be of whole characters.
func (sc Screen) JSON(w io.Writer) io.Writer {
	if sc.ASCII {
		return asciiJSON{w}
	}
	return w
}

// asciiJSON escapes characters that are not ASCII.
type asciiJSON struct{ io.Writer }

func (w asciiJSON) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, escapeBeyondASCII(string(p), printable.JSONEscape)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func escapeBeyondASCII(s string, by func(rune) string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(by(r))
		}
	}
	return b.String()
}

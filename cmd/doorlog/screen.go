package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// A screen is what is known of the place where text for people appears.
type screen struct {
	columns int  // of a terminal; 0: it is none, and lines are as long as they are
	ascii   bool // it shows no other characters
}

// screenOf returns what is known of standard output, or of standard error.
func screenOf(w io.Writer) screen { return screen{columns: columnsOf(w), ascii: localeIsASCII()} }

// columnsOf returns the width of a terminal, and 0 for anything else.
func columnsOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return columns
	}
	columns, _ := strconv.Atoi(os.Getenv("COLUMNS")) // a serial line does not know
	return cmp.Or(max(0, columns), drawWidth)
}

// localeIsASCII reports whether the locale has a character set other than UTF-8. Where
// nothing is set, as in cron and in containers, text is UTF-8.
func localeIsASCII() bool {
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	locale = strings.ToUpper(strings.ReplaceAll(locale, "-", ""))
	return locale != "" && !strings.Contains(locale, "UTF8")
}

// asciiSigns are our own signs, and those of other people that have a like.
var asciiSigns = strings.NewReplacer(
	"—", "-", "–", "-", "…", "...", "×", "x", "│", "|", "’", "'", "‘", "'", "“", `"`, "”", `"`, "\u00a0", " ",
)

// text returns s in the characters of the screen. Others are escaped.
func (sc screen) text(s string) string {
	if !sc.ascii {
		return s
	}
	return escapeBeyondASCII(asciiSigns.Replace(s), goEscape)
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

// style returns what drawings are made of.
func (sc screen) style() style {
	s := blocks
	if sc.ascii {
		s = ascii
	}
	s.columns = cmp.Or(min(sc.columns, drawWidth), drawWidth)
	return s
}

// A page collects text for a screen.
type page struct {
	bytes.Buffer
	screen
}

// screenFor returns the screen of a page, and of anything else one without bounds.
func screenFor(w io.Writer) screen {
	if p, ok := w.(*page); ok {
		return p.screen
	}
	return screen{}
}

// flush writes the text, with the characters that the screen has and in lines that fit.
func (p *page) flush(w io.Writer) error {
	text := p.text(p.String())
	if p.columns > 0 {
		var b strings.Builder
		for line := range strings.Lines(text) {
			content := strings.TrimSuffix(line, "\n")
			b.WriteString(strings.Join(wrapLine(content, p.columns), "\n"))
			b.WriteString(line[len(content):])
		}
		text = b.String()
	}
	_, err := io.WriteString(w, text)
	return err
}

// print writes a text for people.
func (a *app) print(text func(io.Writer) error) error {
	p := &page{screen: a.screen}
	if err := text(p); err != nil {
		return err
	}
	return p.flush(a.out)
}

// tell writes a text for people to standard error, before a question.
func (a *app) tell(text func(io.Writer) error) error {
	p := &page{}
	if e, ok := a.err.(*errorWriter); ok {
		p.screen = e.screen
	}
	if err := text(p); err != nil {
		return err
	}
	return p.flush(a.err)
}

// jsonOut is where JSON goes: it is the same for a program if it is ASCII.
func (a *app) jsonOut(w io.Writer) io.Writer {
	if a.screen.ascii {
		return asciiJSON{w}
	}
	return w
}

// asciiJSON escapes what is not ASCII. Each Write must be of whole characters.
type asciiJSON struct{ io.Writer }

func (w asciiJSON) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, escapeBeyondASCII(string(p), jsonEscape)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// writeWord writes a line that ends with a word which people copy. Where it does not fit
// the lines end with a backslash, at which a shell joins them.
func writeWord(w io.Writer, before, word string) error {
	columns := screenFor(w).columns
	for line := before + word; ; {
		if columns < 2 || len(line) <= columns {
			_, err := fmt.Fprintln(w, line)
			return err
		}
		if _, err := fmt.Fprintln(w, line[:columns-1]+`\`); err != nil {
			return err
		}
		line = line[columns-1:]
	}
}

// wrapLine breaks a line into lines of at most so many columns, between words where
// that is possible. Those that follow are indented by two more than the first.
func wrapLine(line string, columns int) []string {
	if uniseg.StringWidth(line) <= columns {
		return []string{line}
	}
	content := strings.TrimLeft(line, " ")
	first := min(len(line)-len(content), columns/2)
	rest := min(first+2, columns/2)
	lines := wrap(content, columns-first, columns-rest)
	lines[0] = strings.Repeat(" ", first) + lines[0]
	for i := range lines[1:] {
		lines[i+1] = strings.Repeat(" ", rest) + lines[i+1]
	}
	return lines
}

// wrap breaks a text into lines, the first and the others of at most so many columns,
// at spaces. A word that is longer is broken, too. There is at least one line.
func wrap(text string, first, others int) []string {
	lines := []string{}
	line, used, room := "", 0, first
	end := func() {
		lines = append(lines, line)
		line, used, room = "", 0, others
	}
	for i, word := range strings.Split(text, " ") {
		width := uniseg.StringWidth(word)
		if i > 0 {
			if used > 0 && used+1+width > room {
				end()
			} else {
				line, used = line+" ", used+1
			}
		}
		for used+width > room {
			head, tail := cutAt(word, max(room-used, 1))
			if head == "" { // a character of two columns in one
				head, tail = word, ""
			}
			line += head
			if word, width = tail, uniseg.StringWidth(tail); word == "" {
				break
			}
			end()
		}
		line, used = line+word, used+width
	}
	end()
	return lines
}

// cutAt returns what of a text fits into so many columns, and the rest. What is seen as
// one character stays together.
func cutAt(text string, columns int) (head, tail string) {
	tail = text
	for state := -1; tail != ""; {
		cluster, rest, width, next := uniseg.FirstGraphemeClusterInString(tail, state)
		if columns -= width; columns < 0 {
			break
		}
		head, tail, state = head+cluster, rest, next
	}
	return head, tail
}

// cut returns the text, or if that has more columns what fits of it and an ellipsis.
func (sc screen) cut(text string, columns int) string {
	if uniseg.StringWidth(text) <= columns {
		return text
	}
	ellipsis := sc.text("…")
	if len(ellipsis) >= columns && sc.ascii {
		ellipsis = "."
	}
	head, _ := cutAt(text, columns-uniseg.StringWidth(ellipsis))
	return head + ellipsis
}

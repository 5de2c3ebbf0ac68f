package terminal

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// A page collects text for a screen.
type page struct {
	bytes.Buffer
	Screen
}

// Print writes what text writes, in characters that the screen shows and in lines that fit.
func (sc Screen) Print(w io.Writer, text func(io.Writer) error) error {
	p := &page{Screen: sc}
	if err := text(p); err != nil {
		return err
	}
	return p.flush(w)
}

// screenFor returns the screen of a page. For any other writer lines may have any length.
func screenFor(w io.Writer) Screen {
	if p, ok := w.(*page); ok {
		return p.Screen
	}
	return Screen{}
}

func (p *page) flush(w io.Writer) error {
	text := p.text(p.String())
	if p.Columns > 0 {
		var b strings.Builder
		for line := range strings.Lines(text) {
			content := strings.TrimSuffix(line, "\n")
			b.WriteString(strings.Join(wrapLine(content, p.Columns), "\n"))
			b.WriteString(line[len(content):])
		}
		text = b.String()
	}
	_, err := io.WriteString(w, text)
	return err
}

// WriteWord writes a line that ends with a word for people to copy. A line that does not fit
// is broken after a backslash, so that a shell joins the parts.
func WriteWord(w io.Writer, before, word string) error {
	columns := screenFor(w).Columns
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

package terminal

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

func TestProgressIsDrawnOnATerminalAlone(t *testing.T) {
	var screen bytes.Buffer
	e := NewErrorWriter(&screen, Screen{}, false)
	bar := e.Progress(10, "working")
	bar.Add(10)
	bar.Label("still working")
	bar.Done()
	if screen.Len() > 0 {
		t.Errorf("no terminal, but %q", screen.String())
	}

	e = NewErrorWriter(&screen, Screen{}, true)
	bar = e.Progress(10, "working")
	bar.Add(5)
	if !strings.Contains(screen.String(), "working  50%") {
		t.Errorf("halfway there is %q", screen.String())
	}

	// A warning takes the bar's line; it does not stand behind it.
	screen.Reset()
	if _, err := e.Write([]byte("warning\n")); err != nil {
		t.Fatal(err)
	}
	if got := screen.String(); !strings.HasPrefix(got, "\r") || !strings.HasSuffix(got, "\rwarning\n") {
		t.Errorf("the warning is %q", got)
	}

	bar.Done()
	screen.Reset()
	bar.Add(1)
	bar.Done()
	if screen.Len() > 0 {
		t.Errorf("after the end there is %q", screen.String())
	}
}

func TestProgressOfAnUnknownTotalShowsItsLabel(t *testing.T) {
	var screen bytes.Buffer
	e := NewErrorWriter(&screen, Screen{}, true)
	bar := e.Progress(-1, "working")
	bar.Label("working: 1,234 events")
	bar.Add(1234)
	if got := screen.String(); !strings.Contains(got, "working: 1,234 events") {
		t.Errorf("there is %q", got)
	}
	bar.Done()
	if !strings.HasSuffix(screen.String(), "\r") {
		t.Errorf("at the end there is %q", screen.String())
	}
}

// A terminal shows what was written to it: a carriage return goes back to the begin of
// the line, and characters take the place of those that are there.
func onTerminal(text string) []string {
	var shown []string
	for line := range strings.SplitSeq(text, "\n") {
		var cells []rune
		at := 0
		for _, r := range line {
			if r == '\r' {
				at = 0
				continue
			}
			if at == len(cells) {
				cells = append(cells, r)
			}
			cells[at] = r
			at++
		}
		shown = append(shown, strings.TrimRight(string(cells), " "))
	}
	return shown
}

// Standard output and standard error are one terminal: a line is either of a bar
// or of the output.
func TestABarIsAloneOnItsLine(t *testing.T) {
	for _, total := range []int64{10, -1} {
		var terminal bytes.Buffer
		e := NewErrorWriter(&terminal, Screen{}, true)
		out := &besideBar{w: &terminal, bar: e}
		bar := e.Progress(total, "working")
		write := func(text string) {
			if _, err := io.WriteString(out, text); err != nil {
				t.Fatal(err)
			}
		}
		bar.Add(1)
		write("one\n")
		bar.Add(1)
		bar.Label("still working")
		write("half of a ")
		bar.Label("and again")
		bar.Add(3)
		if _, err := bar.line.Write([]byte("\rof the goroutine")); err != nil {
			t.Fatal(err)
		}
		write("line\n")
		if _, err := bar.line.Write([]byte("\rat the end")); err != nil {
			t.Fatal(err)
		}
		bar.Done()
		write("done\n")
		if _, err := bar.line.Write([]byte("\rtoo late")); err != nil {
			t.Fatal(err)
		}
		if got := onTerminal(terminal.String()); !slices.Equal(got, []string{"one", "half of a line", "done", ""}) {
			t.Errorf("of %d steps the terminal shows %q", total, got)
		}
		if !strings.Contains(terminal.String(), "at the end") || strings.Contains(terminal.String(), "goroutine") {
			t.Errorf("of %d steps it got %q", total, terminal.String())
		}
	}
}

func TestABarFitsTheTerminal(t *testing.T) {
	for _, columns := range []int{5, 20, 40, 80} {
		for _, ascii := range []bool{false, true} {
			var terminal bytes.Buffer
			e := NewErrorWriter(&terminal, Screen{Columns: columns, ASCII: ascii}, true)
			for _, total := range []int64{100, -1} {
				bar := e.Progress(total, "backing up – 12 MiB of 34 MiB, which is a lot")
				bar.Add(50)
				bar.Done()
			}
			for part := range strings.SplitSeq(terminal.String(), "\r") {
				if width := uniseg.StringWidth(part); width >= columns {
					t.Errorf("%d Columns: %q", columns, part)
				}
			}
			if strings.ContainsFunc(terminal.String(), func(r rune) bool { return ascii && r > '~' }) {
				t.Errorf("not ASCII: %q", terminal.String())
			}
		}
	}
}

package main

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/doorlog/doorlog"
)

// An errorWriter is standard error, and the progress bar's place if that is a
// terminal: what is written takes the bar's line, which comes back below it. It is safe
// for concurrent use.
type errorWriter struct {
	w        io.Writer
	screen   screen
	terminal bool // on which a bar can be drawn

	mu      sync.Mutex
	shown   int  // columns of the bar that is on the screen
	midLine bool // standard output is the same terminal, and its line has not ended
}

func newErrorWriter(w io.Writer) *errorWriter {
	f, ok := w.(*os.File)
	return &errorWriter{w: w, screen: screenOf(w), terminal: ok && term.IsTerminal(int(f.Fd()))}
}

func (e *errorWriter) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clear()
	if !e.screen.ascii {
		return e.w.Write(p)
	}
	_, err := io.WriteString(e.w, e.screen.text(string(p)))
	return len(p), err
}

// clear takes the bar off the screen; with mu held.
func (e *errorWriter) clear() {
	if e.shown > 0 {
		// A bar that cannot be drawn is no reason to fail.
		_, _ = io.WriteString(e.w, "\r"+strings.Repeat(" ", e.shown)+"\r")
		e.shown = 0
	}
}

// beside returns standard output for a command with this standard error. If it is a
// terminal, what is written takes the bar's line, too. If it is a pipe there are no bars:
// whoever reads may write to the terminal, as head and less do.
func (e *errorWriter) beside(out io.Writer) io.Writer {
	f, ok := out.(*os.File)
	if !ok {
		return out
	}
	if term.IsTerminal(int(f.Fd())) {
		return &besideBar{w: out, bar: e}
	}
	if info, err := f.Stat(); err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		e.terminal = false
	}
	return out
}

// A besideBar is a standard output that may be the terminal on which a bar is drawn.
type besideBar struct {
	w   io.Writer
	bar *errorWriter
}

func (b *besideBar) Write(p []byte) (int, error) {
	b.bar.mu.Lock()
	defer b.bar.mu.Unlock()
	b.bar.clear()
	if len(p) > 0 {
		b.bar.midLine = p[len(p)-1] != '\n'
	}
	return b.w.Write(p)
}

// A progressBar shows how far a command is. It is safe for concurrent use.
type progressBar struct {
	bar  *progressbar.ProgressBar // nil: there is nothing to draw on
	line *barLine
}

// progress shows a bar for total steps, or, if total is -1, a sign of life whose
// Label may tell how far it is. Unless standard error is a terminal it shows
// nothing.
func (a *app) progress(total int64, label string) progressBar {
	w, ok := a.err.(*errorWriter)
	if !ok || !w.terminal || total == 0 {
		return progressBar{}
	}
	const pipes, dots = 9, 14 // types of a spinner
	line := &barLine{on: w}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(line),
		progressbar.OptionSetDescription(label),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSpinnerType(dots),
	}
	if w.screen.ascii {
		options = append(options, progressbar.OptionSpinnerType(pipes), progressbar.OptionSetTheme(progressbar.ThemeASCII))
	}
	return progressBar{bar: progressbar.NewOptions64(total, options...), line: line}
}

// Add moves the bar on by n steps.
func (b progressBar) Add(n int64) {
	if b.bar != nil {
		_ = b.bar.Add64(n)
	}
}

// Label changes the words before the bar.
func (b progressBar) Label(text string) {
	if b.bar != nil {
		b.bar.Describe(text)
	}
}

// Done takes the bar away.
func (b progressBar) Done() {
	if b.bar != nil {
		b.line.end()
		_ = b.bar.Finish()
	}
}

// follow returns what shows how far a call is (doorlog.Options.Progress), and what
// takes the bar away. What is done after another thing, or once more, has a bar of its
// own; where it is not known how much there is, the bar says how much is done.
func (a *app) follow() (told func(doorlog.Progress), end func()) {
	var mu sync.Mutex
	var bar progressBar
	var now doorlog.Progress
	told = func(p doorlog.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Doing != now.Doing || p.Total != now.Total || p.Done < now.Done {
			bar.Done()
			bar, now = a.progress(p.Total, p.Doing), doorlog.Progress{}
		}
		if p.Total < 0 {
			bar.Label(p.Doing + ": " + amount(p))
		}
		bar.Add(p.Done - now.Done)
		now = p
	}
	return told, func() {
		mu.Lock()
		defer mu.Unlock()
		bar.Done()
	}
}

// amount is how much is done, for people to read.
func amount(p doorlog.Progress) string {
	if p.Bytes {
		return size(p.Done)
	}
	return count(int(p.Done))
}

// A barLine is the line of the terminal on which package progressbar draws, from a
// goroutine of its own, too. Only one thing is on a line: the bar waits while standard
// output is in the middle of one.
type barLine struct {
	on    *errorWriter
	ended bool // with on.mu
}

// Write draws the bar anew. What it gets is either the bar or spaces over it.
func (l *barLine) Write(p []byte) (int, error) {
	l.on.mu.Lock()
	defer l.on.mu.Unlock()
	text := strings.Trim(string(p), "\r ")
	if l.ended || l.on.midLine || text == "" {
		return len(p), nil
	}
	l.on.clear()
	text = l.on.screen.text(text)
	if columns := l.on.screen.columns; columns > 0 {
		text = l.on.screen.cut(text, columns-1)
	}
	l.on.shown = uniseg.StringWidth(text)
	_, _ = io.WriteString(l.on.w, "\r"+text) // see clear
	return len(p), nil
}

// end takes the bar off the screen for good.
func (l *barLine) end() {
	l.on.mu.Lock()
	defer l.on.mu.Unlock()
	if !l.ended {
		l.on.clear()
	}
	l.ended = true
}

package terminal

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
)

// An ErrorWriter is standard error. If that is a terminal it shows progress bars: text takes
// the line of the bar, and the bar is drawn again below the text. It is safe for concurrent
// use.
type ErrorWriter struct {
	w      io.Writer
	screen Screen
	bars   bool // it can show bars

	mu      sync.Mutex
	shown   int  // columns of the bar on the screen
	midLine bool // standard output is the same terminal, and is in the middle of a line
}

// NewErrorWriter returns standard error with this screen. It shows bars if onTerminal is true.
func NewErrorWriter(w io.Writer, sc Screen, onTerminal bool) *ErrorWriter {
	return &ErrorWriter{w: w, screen: sc, bars: onTerminal}
}

// Screen returns what is known of standard error.
func (e *ErrorWriter) Screen() Screen { return e.screen }

// Write takes the bar off its line, and writes p in characters that the screen shows.
func (e *ErrorWriter) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clear()
	if !e.screen.ASCII {
		return e.w.Write(p)
	}
	_, err := io.WriteString(e.w, e.screen.text(string(p)))
	return len(p), err
}

// clear takes the bar off the screen. The caller holds mu.
func (e *ErrorWriter) clear() {
	if e.shown > 0 {
		// A command does not fail because its bar cannot be drawn.
		_, _ = io.WriteString(e.w, "\r"+strings.Repeat(" ", e.shown)+"\r")
		e.shown = 0
	}
}

// Beside returns standard output for use with this standard error. If it is a terminal, its
// text takes the line of the bar too. If it is a pipe there are no bars, because the program
// that reads may write to the terminal, as less does.
func (e *ErrorWriter) Beside(out io.Writer) io.Writer {
	f, ok := out.(*os.File)
	if !ok {
		return out
	}
	if Is(f) {
		return &besideBar{w: out, bar: e}
	}
	if info, err := f.Stat(); err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		e.bars = false
	}
	return out
}

// A besideBar is a standard output that may be the terminal on which a bar is drawn.
type besideBar struct {
	w   io.Writer
	bar *ErrorWriter
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

// A Bar shows the progress of a command. The zero Bar shows nothing. It is safe for
// concurrent use.
type Bar struct {
	bar  *progressbar.ProgressBar // nil: nothing is shown
	line *barLine
}

// Progress shows a bar for total steps, or a spinner if total is -1. It shows nothing if
// total is 0, or if standard error is no terminal.
func (e *ErrorWriter) Progress(total int64, label string) Bar {
	if !e.bars || total == 0 {
		return Bar{}
	}
	const pipes, dots = 9, 14 // types of spinners
	line := &barLine{on: e}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(line),
		progressbar.OptionSetDescription(label),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSpinnerType(dots),
	}
	if e.screen.ASCII {
		options = append(options, progressbar.OptionSpinnerType(pipes), progressbar.OptionSetTheme(progressbar.ThemeASCII))
	}
	return Bar{bar: progressbar.NewOptions64(total, options...), line: line}
}

// Add moves the bar on by n steps.
func (b Bar) Add(n int64) {
	if b.bar != nil {
		_ = b.bar.Add64(n)
	}
}

// Label changes the text before the bar.
func (b Bar) Label(text string) {
	if b.bar != nil {
		b.bar.Describe(text)
	}
}

// Done takes the bar away.
func (b Bar) Done() {
	if b.bar != nil {
		b.line.end()
		_ = b.bar.Finish()
	}
}

// A barLine is the line on which package progressbar draws, also from a goroutine of its own.
// While standard output is in the middle of a line the bar is not drawn.
type barLine struct {
	on    *ErrorWriter
	ended bool // guarded by on.mu
}

// Write draws the bar. Package progressbar writes either the bar or spaces over it.
func (l *barLine) Write(p []byte) (int, error) {
	l.on.mu.Lock()
	defer l.on.mu.Unlock()
	text := strings.Trim(string(p), "\r ")
	if l.ended || l.on.midLine || text == "" {
		return len(p), nil
	}
	l.on.clear()
	text = l.on.screen.text(text)
	if columns := l.on.screen.Columns; columns > 0 {
		text = l.on.screen.cut(text, columns-1)
	}
	l.on.shown = uniseg.StringWidth(text)
	_, _ = io.WriteString(l.on.w, "\r"+text) // as in clear
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

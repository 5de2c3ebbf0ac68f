package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestProgressIsDrawnOnATerminalAlone(t *testing.T) {
	var screen bytes.Buffer
	a := &app{err: newErrorWriter(&screen)}
	bar := a.progress(10, "working")
	bar.Add(10)
	bar.Label("still working")
	bar.Done()
	if screen.Len() > 0 {
		t.Errorf("no terminal, but %q", screen.String())
	}
	(&app{err: &screen}).progress(10, "working").Done()

	a.err = &errorWriter{w: &screen, terminal: true}
	bar = a.progress(10, "working")
	bar.Add(5)
	if !strings.Contains(screen.String(), "working  50%") {
		t.Errorf("halfway there is %q", screen.String())
	}

	// A warning takes the bar's line; it does not stand behind it.
	screen.Reset()
	if _, err := a.err.Write([]byte("warning\n")); err != nil {
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
	a := &app{err: &errorWriter{w: &screen, terminal: true}}
	bar := a.progress(-1, "working")
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

// What is told of a call is a bar for each thing that it does.
func TestProgressOfACallIsFollowed(t *testing.T) {
	var screen bytes.Buffer
	a := &app{err: &errorWriter{w: &screen, terminal: true}}
	told, end := a.follow()
	told("erasing", 0, 200)
	told("erasing", 50, 200)
	if got := screen.String(); !strings.Contains(got, "erasing") || !strings.Contains(got, " 25%") {
		t.Errorf("a quarter of the way there is %q", got)
	}
	screen.Reset()
	told("compacting", 0, 1000)
	told("compacting", 500, 1000)
	if got := screen.String(); !strings.Contains(got, "compacting") || !strings.Contains(got, " 50%") {
		t.Errorf("halfway there is %q", got)
	}
	screen.Reset()
	told("compacting", 1000, 1000)
	told("erasing", 0, 0) // nothing
	if got := screen.String(); strings.Contains(got, "erasing") {
		t.Errorf("of nothing there is %q", got)
	}
	told("compacting", 0, 1000)
	end()
	if !strings.HasSuffix(screen.String(), "\r") {
		t.Errorf("at the end there is %q", screen.String())
	}
}

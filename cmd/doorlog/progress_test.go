package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func TestALongCallHasABarForEachThingThatItDoes(t *testing.T) {
	var screen bytes.Buffer
	a := &app{err: terminal.NewErrorWriter(&screen, terminal.Screen{}, true)}
	told, end := a.follow()
	for _, step := range []struct {
		doorlog.Progress
		shown string
	}{
		{doorlog.Progress{Doing: "erasing", Done: 50, Total: 200}, "erasing  25%"},
		{doorlog.Progress{Doing: "compacting", Done: 500, Total: 1000}, "compacting  50%"},
		{doorlog.Progress{Doing: "backing up", Done: 5 << 20, Total: -1, Bytes: true}, "backing up: 5.0 MiB"},
		{doorlog.Progress{Doing: "backing up", Done: 5 << 20, Total: 10 << 20, Bytes: true}, "backing up  50%"},
		{doorlog.Progress{Doing: "searching for records", Done: 1234, Total: -1}, "searching for records: 1,234"},
	} {
		screen.Reset()
		told(step.Progress)
		if got := screen.String(); !strings.Contains(got, step.shown) {
			t.Errorf("%+v is %q, not %q", step.Progress, got, step.shown)
		}
	}
	screen.Reset()
	told(doorlog.Progress{Doing: "pruning", Total: 0})
	if got := screen.String(); strings.Contains(got, "pruning") {
		t.Errorf("of nothing there is %q", got)
	}
	told(doorlog.Progress{Doing: "compacting", Done: 10, Total: 1000})
	end()
	if !strings.HasSuffix(screen.String(), "\r") {
		t.Errorf("at the end there is %q", screen.String())
	}
	screen.Reset()
	told(doorlog.Progress{Doing: "verifying", Done: 50, Total: 200})
	end()
	if screen.Len() > 0 {
		t.Errorf("after the end there is %q", screen.String())
	}
}

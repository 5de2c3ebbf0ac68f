package fsx_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/doorlog/doorlog/internal/fsx"
)

func TestAnAbsolutePathIsAsItWasSaid(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a path is cleaned there")
	}
	here := t.TempDir()
	t.Chdir(here)
	for path, want := range map[string]string{
		"events.db": here + "/events.db", "./events.db": here + "/events.db", ".//././events.db": here + "/events.db",
		"link/../events.db": here + "/link/../events.db", ".events.db": here + "/.events.db", "../events.db": here + "/../events.db",
		"/var/./events.db": "/var/./events.db", "./": here + "/",
	} {
		if got := fsx.Absolute(path); got != want || !filepath.IsAbs(got) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

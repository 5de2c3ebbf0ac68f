package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"
)

// everyHelp returns the help of all commands, for a screen.
func everyHelp(t *testing.T, sc screen) map[string]string {
	t.Helper()
	texts := map[string]string{}
	var visit func(*cobra.Command, []string)
	visit = func(cmd *cobra.Command, path []string) {
		var out bytes.Buffer
		root := newRootCommand(&app{out: &out, err: &out, now: time.Now, screen: sc})
		root.SetArgs(append(append([]string{}, path...), "--help"))
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		texts[cmd.CommandPath()] = out.String()
		for _, sub := range cmd.Commands() {
			if sub.Parent().Name() != "completion" { // of cobra
				visit(sub, append(append([]string{}, path...), sub.Name()))
			}
		}
	}
	visit(newRootCommand(&app{}), nil)
	return texts
}

func TestHelpFitsAnyTerminal(t *testing.T) {
	for _, columns := range []int{0, 200, 80, 60, 40, 20} {
		for name, text := range everyHelp(t, screen{columns: columns}) {
			most := min(columns, 80)
			if columns == 0 {
				most = 80 // also through a pipe
			}
			for line := range strings.Lines(text) {
				if width := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > most {
					t.Errorf("%s on %d columns: %d in %q", name, columns, width, line)
				}
			}
		}
	}
}

func TestHelpIsASCIIWhereTheLocaleIs(t *testing.T) {
	for name, text := range everyHelp(t, screen{ascii: true}) {
		if i := strings.IndexFunc(text, func(r rune) bool { return r > '~' }); i >= 0 {
			t.Errorf("%s: %q", name, text[max(0, i-20):i+4])
		}
	}
}

// An age has one name, and one place where its forms are explained.
func TestHelpCallsAnAgeAnAge(t *testing.T) {
	texts := everyHelp(t, screen{})
	if text := strings.Join(strings.Fields(texts["doorlog"]), " "); !strings.Contains(text, "An AGE is a length of time") {
		t.Errorf("doorlog: %s", text)
	}
	for name, text := range texts {
		if strings.Contains(text, " age ") && strings.Contains(text, "--since ") || strings.Contains(text, "--since time") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// everyHelp returns the help of all commands, for a screen.
func everyHelp(t *testing.T, sc terminal.Screen) map[string]string {
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
		for name, text := range everyHelp(t, terminal.Screen{Columns: columns}) {
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
	for name, text := range everyHelp(t, terminal.Screen{ASCII: true}) {
		if i := strings.IndexFunc(text, func(r rune) bool { return r > '~' }); i >= 0 {
			t.Errorf("%s: %q", name, text[max(0, i-20):i+4])
		}
	}
}

// An age has one name, and one place where its forms are explained.
func TestHelpCallsAnAgeAnAge(t *testing.T) {
	texts := everyHelp(t, terminal.Screen{})
	if text := strings.Join(strings.Fields(texts["doorlog"]), " "); !strings.Contains(text, "An AGE is a length of time") {
		t.Errorf("doorlog: %s", text)
	}
	for name, text := range texts {
		if strings.Contains(text, " age ") && strings.Contains(text, "--since ") || strings.Contains(text, "--since time") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// isTable reports whether a paragraph has columns with several spaces between them.
func isTable(p string) bool {
	return slices.ContainsFunc(strings.Split(p, "\n"), func(line string) bool {
		return strings.Contains(strings.Trim(line, " "), "  ")
	})
}

// A line ends where the next word does not fit: nothing is wrapped twice.
func TestHelpFillsItsLines(t *testing.T) {
	for _, columns := range []int{80, 60, 40} {
		for name, text := range everyHelp(t, terminal.Screen{Columns: columns}) {
			about, _, _ := strings.Cut(text, "\nUsage:\n")
			for p := range strings.SplitSeq(about, "\n\n") {
				if isTable(strings.TrimLeft(p, " ")) {
					continue
				}
				lines := strings.Split(strings.Trim(p, "\n"), "\n")
				for i, line := range lines[:len(lines)-1] {
					word, _, _ := strings.Cut(strings.TrimLeft(lines[i+1], " "), " ")
					if uniseg.StringWidth(line+" "+word) <= columns {
						t.Errorf("%s on %d columns: %q has room for %q", name, columns, line, word)
					}
				}
			}
		}
	}
}

// A value is called by what it is.
func TestHelpNamesTheValuesOfFlags(t *testing.T) {
	for name, text := range everyHelp(t, terminal.Screen{}) {
		for line := range strings.Lines(text) {
			if words := strings.Fields(line); len(words) > 1 && strings.HasPrefix(words[0], "-") && strings.Contains(line, " string ") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
	prune := everyHelp(t, terminal.Screen{})["doorlog prune"]
	for _, want := range []string{"--rule RULE ", "--max-age AGE ", "--keep-strangers AGE ", "--keep-unlocks AGE ", "--thumbnail-age AGE "} {
		if !strings.Contains(prune, want) {
			t.Errorf("there is no %q in %s", want, prune)
		}
	}
}

package terminal

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

// lines returns what a screen shows of a text.
func lines(t *testing.T, sc Screen, text func(w io.Writer) error) []string {
	t.Helper()
	var out bytes.Buffer
	if err := sc.Print(&out, text); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestTablesAlignWhateverTheScript(t *testing.T) {
	var out bytes.Buffer
	err := WriteTable(&out, []string{"A", "B", "C"}, [][]string{{"玄関", "x", "1"}, {"", "é", "2"}, {"four", "tab\there", "\xff\x9b"}})
	if err != nil {
		t.Fatal(err)
	}
	want := `A     B          C
玄関  x          1
—     é          2
four  tab\there  ` + "\uFFFD\n"
	if out.String() != want {
		t.Errorf("got:\n%swant:\n%s", out.String(), want)
	}
}

func TestValuesAreWrappedNotCut(t *testing.T) {
	long := strings.Repeat("word ", 20) + strings.Repeat("y", 100)
	rows := [][]string{{"name", "x"}, {"attribute", long}, {"none", ""}}
	for _, columns := range []int{1, 2, 20, 40, 41, 60, 80, 200} {
		shown := lines(t, Screen{Columns: columns}, func(w io.Writer) error { return WriteTable(w, nil, rows) })
		for _, line := range shown {
			if width := uniseg.StringWidth(line); width > columns {
				t.Errorf("%d Columns: %q", columns, line)
			}
		}
		if got := strings.Join(strings.Fields(strings.Join(shown, "")), ""); columns > 9 && !strings.Contains(got, strings.Repeat("y", 100)) {
			t.Errorf("%d Columns: %q", columns, shown)
		}
	}
}

func TestACursorIsBrokenAsAShellJoinsIt(t *testing.T) {
	cursor := strings.Repeat("abcdefghij", 9)
	shown := lines(t, Screen{Columns: 40}, func(w io.Writer) error { return WriteWord(w, "more: --cursor ", cursor) })
	if len(shown) != 3 || len(shown[0]) != 40 {
		t.Errorf("it is %q", shown)
	}
	if got := strings.ReplaceAll(strings.Join(shown, "\n"), "\\\n", ""); got != "more: --cursor "+cursor {
		t.Errorf("joined it is %q", got)
	}
}

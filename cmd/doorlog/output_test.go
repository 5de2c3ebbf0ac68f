package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

func TestTablesAlignWhateverTheScript(t *testing.T) {
	var out bytes.Buffer
	err := writeTable(&out, []string{"A", "B", "C"}, [][]string{{"玄関", "x", "1"}, {"", "é", "2"}, {"four", "tab\there", "\xff\x9b"}})
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

func TestNothingReachesATerminalRaw(t *testing.T) {
	for r := rune(0); r <= 0x2100; r++ {
		s := fmt.Sprintf("a%cz", r)
		switch shown := printable(s); {
		case r < ' ' || 0x7f <= r && r < 0xa0 || 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069 || r == 0x2028:
			if strings.ContainsRune(shown, r) {
				t.Errorf("%U is shown as %q", r, shown)
			}
		case r == 'ä' && shown != s:
			t.Errorf("%U is shown as %q", r, shown)
		}

		var out bytes.Buffer
		if err := writeJSON(&out, s, false); err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != s {
			t.Errorf("%U comes back from JSON as %q, %v", r, back, err)
		}
		if line := strings.TrimSuffix(out.String(), "\n"); printable(line) != line {
			t.Errorf("%U is %q in JSON", r, line)
		}
	}
}

func TestJSONEscapesBeyondTheFirstPlane(t *testing.T) {
	const hidden = "a\U000E0041z" // a tag character, which shows nothing
	var out bytes.Buffer
	if err := writeJSON(&out, hidden, true); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), `"a\udb40\udc41z"`+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != hidden {
		t.Errorf("it comes back as %q, %v", back, err)
	}
}

func TestLabelsShowTheSurestFirst(t *testing.T) {
	e := doorlog.Event{Detections: []doorlog.Detection{
		{Label: "cat", Confidence: 0.5}, {Label: "dog", Confidence: 0.7}, {Label: "cat", Confidence: 0.9}, {Label: "bird", Confidence: 0.7},
	}}
	if got, want := labels(&e), "cat 0.90, dog 0.70, bird 0.70"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if e.Detections[0].Confidence != 0.5 {
		t.Error("the event was changed")
	}
	if got := labels(&doorlog.Event{}); got != "" {
		t.Errorf("without detections: %q", got)
	}
}

package main

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

func TestParseDetection(t *testing.T) {
	box := &doorlog.Box{X1: 10, Y1: -2.5, X2: 100, Y2: 200}
	for _, test := range []struct {
		in   string
		want doorlog.Detection
	}{
		{"person:0.95", doorlog.Detection{Label: "person", Confidence: 0.95}},
		{"person:1:10,-2.5,100,200", doorlog.Detection{Label: "person", Confidence: 1, Box: box}},
		{"a:b:0", doorlog.Detection{Label: "a:b"}},
		{"a:b:.5:10,-2.5,100,200", doorlog.Detection{Label: "a:b", Confidence: 0.5, Box: box}},
		{"1,2:0.5", doorlog.Detection{Label: "1,2", Confidence: 0.5}},
	} {
		if got, err := parseDetection(test.in, false); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %+v, %v", test.in, got, err)
		}
	}
	for _, in := range []string{
		"", ":", "person", "person:", ":0.5", "person:high", "person:0.5:", "person:0.5:1,2,3", "person:0.5:1,2,3,4,5",
		"person:0.5:1,2,3,x", "1,2,3,4", ":1,2,3,4", "person:1,2,3,4", "0.5:1,2,3,4",
	} {
		if got, err := parseDetection(in, false); !isMisuse(err) {
			t.Errorf("%q: %+v, %v; want misuse", in, got, err)
		}
	}
}

func isMisuse(err error) bool {
	_, ok := errors.AsType[misuseError](err)
	return ok
}

func TestAFrameThatIsTooLargeCostsNoEvent(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large.jpg")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, doorlog.MaxFrameBytes+1<<20); err != nil {
		t.Fatal(err)
	}
	c := newCLI(t)
	c.run(t.Context(), exitOK, "write", "--camera", "c", "--recording", "r", "--frame", large)
	if got := c.errors.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "too large") && !strings.Contains(got, "more than 33554432") {
		t.Errorf("it says %q", got)
	}
	if got := c.recordings(); len(got) != 1 || got[0] != "r" {
		t.Errorf("kept are %q", got)
	}
}

// Labels of old events may have any Unicode spelling, and names of attributes always may.
func TestAnEditFindsOtherSpellings(t *testing.T) {
	const composed, decomposed = "caf\u00e9", "cafe\u0301"
	e := doorlog.Event{
		Detections: []doorlog.Detection{{Label: decomposed}, {Label: composed}, {Label: "t\u00fcr"}, {Label: "tu\u0308r"}},
		Attributes: map[string]string{decomposed: "1", "tu\u0308r": "2", "nin\u0303o": "3"},
	}
	f := editFlags{labels: []string{composed + "=cat"}, withoutLabels: []string{"t\u00fcr"}, withoutAttributes: []string{"t\u00fcr"}}
	if err := f.relabel(&e); err != nil || len(e.Detections) != 2 || e.Detections[0].Label != "cat" || e.Detections[1].Label != "cat" {
		t.Errorf("%v, %v", e.Detections, err)
	}
	err := f.setAttributes(&e, map[string]string{composed: "new"})
	if want := map[string]string{decomposed: "new", "nin\u0303o": "3"}; err != nil || !maps.Equal(e.Attributes, want) {
		t.Errorf("%+q, %v", e.Attributes, err)
	}
	if err := f.setAttributes(&e, map[string]string{"tu\u0308r": "4"}); err == nil {
		t.Error("an attribute that is not there was taken out")
	}
	f.withoutAttributes = []string{"ni\u00f1o"}
	if _, ok := errors.AsType[misuseError](f.setAttributes(&e, map[string]string{"nin\u0303o": "4"})); !ok {
		t.Error("an attribute was taken out and set in one")
	}
}

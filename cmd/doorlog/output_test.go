package main

import (
	"testing"

	"github.com/doorlog/doorlog"
)

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

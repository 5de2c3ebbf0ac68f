package main

import (
	"errors"
	"reflect"
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
		if got, err := parseDetection(test.in); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%q: %+v, %v", test.in, got, err)
		}
	}
	for _, in := range []string{
		"", ":", "person", "person:", ":0.5", "person:high", "person:0.5:", "person:0.5:1,2,3", "person:0.5:1,2,3,4,5",
		"person:0.5:1,2,3,x", "1,2,3,4", ":1,2,3,4", "person:1,2,3,4", "0.5:1,2,3,4",
	} {
		if got, err := parseDetection(in); !isMisuse(err) {
			t.Errorf("%q: %+v, %v; want misuse", in, got, err)
		}
	}
}

func isMisuse(err error) bool {
	_, ok := errors.AsType[misuseError](err)
	return ok
}

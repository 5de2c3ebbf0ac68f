package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/doorlog/doorlog"
)

// How many of the sampled events are compared.
const comparedSamples = 50

// answersTo returns an engine's answers to a question, as JSON.
func answersTo(q *question, e engine, p *plan) (json.RawMessage, error) {
	repeat := 1
	if q.Name == "event" {
		repeat = comparedSamples
	}
	answers := make([]any, repeat)
	for i := range answers {
		var err error
		if answers[i], err = q.ask(e, p, i); err != nil {
			return nil, err
		}
	}
	return json.Marshal(answers)
}

// errDiffers means that an engine does not say what the workload says.
var errDiffers = errors.New("the answer is wrong")

// compare returns errDiffers, and where, unless two answers are the same.
func compare(q *question, want, got json.RawMessage) error {
	if bytes.Equal(want, got) {
		return nil
	}
	if q.Unit == inSeconds && (q.Name == "breakdown-30d" || q.Name == "breakdown-all") {
		return compareBreakdowns(want, got)
	}
	return differs(want, got)
}

// compareBreakdowns lets averages differ by what the order of adding up does.
func compareBreakdowns(want, got json.RawMessage) error {
	const tolerance = 1e-6
	var a, b [][]doorlog.LabelCount
	if err := errors.Join(json.Unmarshal(want, &a), json.Unmarshal(got, &b)); err != nil {
		return err
	}
	if len(a) != len(b) {
		return differs(want, got)
	}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return differs(want, got)
		}
		for j, w := range a[i] {
			g := b[i][j]
			if w.Label != g.Label || w.Count != g.Count || math.Abs(w.AvgConfidence-g.AvgConfidence) > tolerance {
				return differs(want, got)
			}
		}
	}
	return nil
}

// differs shows where two answers part.
func differs(want, got []byte) error {
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	around := func(text []byte) []byte {
		const before, most = 60, 160
		return text[max(0, min(at, len(text))-before):min(len(text), at+most)]
	}
	return fmt.Errorf("%w: …%s… where it is …%s…", errDiffers, around(got), around(want))
}

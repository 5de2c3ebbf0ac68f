package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A problem names the parameter or field of the request; the error that it is names the field of the library.
func TestFieldsOfProblems(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ctx := t.Context()
	count := func(q doorlog.Query) error { _, err := st.Count(ctx, q); return err }
	prune := func(p doorlog.Policy) error { _, err := st.Prune(ctx, p); return err }
	east := time.FixedZone("", 200*3600)
	_, scoped := st.Summary(ctx, doorlog.Scope{Location: east})
	_, held := st.Consumer(ctx, "x", &doorlog.ConsumerOptions{Hold: -1})
	for want, err := range map[string]error{
		"offset":                      count(doorlog.Query{Offset: -1}),
		"min_confidence":              count(doorlog.Query{MinConfidence: 2}),
		"camera":                      count(doorlog.Query{Cameras: []string{""}}),
		"attribute":                   count(doorlog.Query{Attributes: map[string][]string{"zone": nil}}),
		"weekday":                     count(doorlog.Query{Weekdays: []time.Weekday{9}}),
		"hold":                        held,
		"tz":                          scoped,
		"policy.max_age_ns":           prune(doorlog.Policy{MaxAge: -1}),
		"policy.rules[0].max_age_ns":  prune(doorlog.Policy{Rules: []doorlog.Rule{{MaxAge: -1}}}),
		"policy.keep_free.percent":    prune(doorlog.Policy{KeepFree: doorlog.FreeSpace{Percent: 100}}),
		"detections[0].label":         fmt.Errorf("doorlog: write event: %w", &doorlog.FieldError{Field: "detections[0].label", Problem: "is empty"}),
		"Query.Unknown":               &doorlog.FieldError{Field: "Query.Unknown", Problem: "is new"},
		"no parameter: of this query": &doorlog.FieldError{Field: "no parameter: of this query", Problem: "is no parameter"},
	} {
		before, ok := errors.AsType[*doorlog.FieldError](err)
		if !ok {
			t.Errorf("%s: %v is about no field", want, err)
			continue
		}
		text, merr := json.Marshal(wire.ProblemOf(err))
		var p wire.Problem
		if err := errors.Join(merr, json.Unmarshal(text, &p)); err != nil {
			t.Fatal(err)
		}
		after, ok := errors.AsType[*doorlog.FieldError](error(&p))
		if p.Field != want || !ok || *after != *before {
			t.Errorf("%v: the problem has the field %q, want %q; as an error it is %+v", err, p.Field, want, after)
		}
	}
}

package client_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/internal/querytest"
)

var long = flag.Bool("long", false, "ask 2,000 random queries in place of 200")

// The library, and the client over a socket and over loopback, answer random queries alike.
func TestAQueryHasOneAnswer(t *testing.T) {
	s := serve(t, &doorlog.Options{Now: func() time.Time { return querytest.Now }})
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	if err := querytest.Fill(t.Context(), s.Store, rng, 600); err != nil {
		t.Fatal(err)
	}
	clients := map[string]*client.Client{"socket": open(t, client.Socket(s.path), nil), "loopback": open(t, s.tcp, nil)}
	matched, queries := 0, 200
	if *long {
		queries = 2000
	}
	for i := range queries {
		want, err := querytest.Ask(t.Context(), s.Store, rng)
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Events) > 0 {
			matched++
		}
		for name, c := range clients {
			if compareCase(t, s, c, want); t.Failed() {
				t.Fatalf("query %d over %s, seed %d: %s, %s", i, name, seed, want.Params, want.ScopeParams)
			}
		}
	}
	if matched < queries/20 {
		t.Errorf("only %d queries match anything", matched)
	}
}

func compareCase(t *testing.T, s *served, c *client.Client, want *querytest.Case) {
	t.Helper()
	ctx := t.Context()
	got := &querytest.Case{Query: want.Query, Params: want.Params, Scope: want.Scope, ScopeParams: want.ScopeParams}
	for e, err := range c.Events(ctx, want.Query) {
		if err != nil {
			t.Error(err)
			return
		}
		got.Events = append(got.Events, e)
	}
	var err, failure error
	got.Count, err = c.Count(ctx, want.Query)
	failure = errors.Join(failure, err)
	got.Plan, err = c.Explain(ctx, want.Query)
	failure = errors.Join(failure, err)
	got.Analytics, err = c.Analytics(ctx, want.Scope)
	if failure = errors.Join(failure, err); failure != nil {
		t.Error(failure)
	}
	if is, wanted := marshal(t, got), marshal(t, want); !slices.Equal(is, wanted) {
		t.Errorf("\n got %s\nwant %s", is, wanted)
	}
	page, err := c.Page(ctx, want.Query, "")
	same(t, "page", page, err)(s.Page(ctx, want.Query, ""))
	for _, at := range []string{page.Next, page.Prev} {
		if at != "" {
			page, err := c.Page(ctx, want.Query, at)
			same(t, "page "+at, page, err)(s.Page(ctx, want.Query, at))
		}
	}
}

// A loop over many pages gives each event once, in order, whatever the limit and the offset.
func TestAListOfManyPagesIsWhole(t *testing.T) {
	s, c := storeAndClient(t)
	events := make([]doorlog.Event, 700)
	for i := range events {
		events[i] = motion(i)
	}
	if _, err := s.WriteEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	ids := func(loop func(func(doorlog.Event, error) bool)) (ids []doorlog.ID) {
		for e, err := range loop {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, e.ID)
		}
		return ids
	}
	for _, q := range []doorlog.Query{
		{}, {OldestFirst: true}, {Limit: 256}, {Limit: 257}, {Limit: 512}, {Limit: 699, OldestFirst: true}, {Limit: 1000}, {Offset: 3}, {Offset: 300, Limit: 300}, {Offset: 700},
	} {
		got, want := ids(c.Events(t.Context(), q)), ids(s.Events(t.Context(), q))
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %d events, want %d", q, len(got), len(want))
		}
	}
	n := 0
	for range c.Events(t.Context(), doorlog.Query{}) {
		if n++; n == 300 {
			break
		}
	}
}

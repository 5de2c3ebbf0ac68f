package querytest

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// Fill writes so many random events to a store whose clock is Now.
func Fill(ctx context.Context, st *doorlog.Store, rng *rand.Rand, events int) error {
	const batch = 100
	for done := 0; done < events; done += batch {
		made := make([]doorlog.Event, min(batch, events-done))
		for i := range made {
			made[i] = Event(rng)
		}
		if _, err := st.WriteEvents(ctx, made); err != nil {
			return err
		}
	}
	return nil
}

// A Case is a query and a scope, and what the library answers.
type Case struct {
	Query  doorlog.Query `json:"query"`
	Params string        `json:"params"` // Query, as the parameters of a URL

	Events doorlog.List[doorlog.Event] `json:"events"`
	Count  int                         `json:"count"`
	Plan   doorlog.Plan                `json:"plan"`

	Scope       doorlog.Scope     `json:"scope"`
	ScopeParams string            `json:"scope_params"`
	Analytics   doorlog.Analytics `json:"analytics"`
}

// Ask returns a random case.
func Ask(ctx context.Context, st *doorlog.Store, rng *rand.Rand) (*Case, error) {
	c := &Case{Query: Query(rng), Scope: Scope(rng)}
	values, err := wire.QueryValues(c.Query)
	if err != nil {
		return nil, err
	}
	c.Params = values.Encode()
	if values, err = wire.ScopeValues(c.Scope); err != nil {
		return nil, err
	}
	c.ScopeParams = values.Encode()
	for e, err := range st.Events(ctx, c.Query) {
		if err != nil {
			return nil, err
		}
		c.Events = append(c.Events, e)
	}
	if c.Count, err = st.Count(ctx, c.Query); err != nil {
		return nil, err
	}
	if c.Plan, err = st.Explain(ctx, c.Query); err != nil {
		return nil, err
	}
	c.Analytics, err = st.Analytics(ctx, c.Scope)
	return c, err
}

// WriteCases writes random cases as lines of JSON, for tests in other languages.
func WriteCases(ctx context.Context, w io.Writer, st *doorlog.Store, rng *rand.Rand, cases int) error {
	out := json.NewEncoder(w)
	for range cases {
		c, err := Ask(ctx, st, rng)
		if err == nil {
			err = out.Encode(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package doorlog

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// A QuarterCount has the totals of the events that a camera has in a quarter hour.
type QuarterCount struct {
	Camera    string    `json:"camera_id"`
	Start     time.Time `json:"start"` // a multiple of 15 minutes of UTC
	Count     int       `json:"count"`
	Strangers int       `json:"strangers"`
	Known     int       `json:"known"`
	Unlocks   int       `json:"unlocks"`
}

// maxQuarterDays is the longest range of Quarters, in days: a year. Ten cameras that are never
// still have 350,000 quarter hours in it.
const maxQuarterDays = 366

// Quarters returns the totals of each quarter hour in which a camera has events, by camera and
// then by time: what a timeline of a day or a week draws. A quarter hour that the range cuts has
// the events inside of the range. The range must begin at a time (Since) and be at most 366 days
// long; without Until it ends now.
func (sn *Snapshot) Quarters(sc Scope) ([]QuarterCount, error) {
	quarters, err := sn.quarters(&sc)
	return quarters, failed("quarters", err)
}

func (sn *Snapshot) quarters(sc *Scope) ([]QuarterCount, error) {
	if err := sn.validQuarters(sc); err != nil {
		return nil, err
	}
	type key struct {
		camera string
		start  int64 // in quarter hours since 1970
	}
	byKey := make(map[key]*counts)
	_, err := sn.tally(sc, wanted{quarters: func(camera string, day uint32, quarter int, c counts) {
		k := key{normalName(camera), int64(day)*quartersADay + int64(quarter)}
		if byKey[k] == nil {
			byKey[k] = new(counts)
		}
		byKey[k].plus(&c)
	}})
	if err != nil {
		return nil, err
	}
	quarters := make([]QuarterCount, 0, len(byKey))
	for k, c := range byKey {
		start := time.Unix(k.start*int64(quarterHour/time.Second), 0).UTC()
		quarters = append(quarters, QuarterCount{k.camera, start, int(c.events), int(c.strangers), int(c.known), int(c.unlocks)})
	}
	slices.SortFunc(quarters, func(a, b QuarterCount) int {
		return cmp.Or(cmp.Compare(a.Camera, b.Camera), a.Start.Compare(b.Start))
	})
	return quarters, nil
}

// validQuarters refuses a range that has no beginning, or is longer than maxQuarterDays.
func (sn *Snapshot) validQuarters(sc *Scope) error {
	if err := sn.usable(); err != nil {
		return err
	}
	if sc.Since.IsZero() {
		return invalid("Scope.Since", "is needed: quarter hours are of %d days at most", maxQuarterDays)
	}
	until := sc.Until
	if until.IsZero() {
		until = sn.store.opt.Now()
	}
	if until.Sub(sc.Since) > maxQuarterDays*secondsADay*time.Second {
		return invalid("Scope.Since", "is more than %d days before the end of the range", maxQuarterDays)
	}
	return nil
}

// Quarters is [Snapshot.Quarters] on a snapshot of its own.
func (s *Store) Quarters(ctx context.Context, sc Scope) ([]QuarterCount, error) {
	return analytic(ctx, s, "quarters", func(sn *Snapshot) ([]QuarterCount, error) { return sn.Quarters(sc) })
}

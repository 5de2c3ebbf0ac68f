package doorlog

import "context"

// A Plan says how a query was answered and what that took.
type Plan struct {
	// Lists are the posting lists that were intersected (those of one index
	// united before). None: the events themselves were read.
	Lists List[PlanList] `json:"lists"`

	// Scan says that all events in the range were looked at.
	Scan bool `json:"scan"`

	// TailRead is the number of events of the tail that were looked at, those
	// that are too new to be in the index buckets.
	TailRead int `json:"tail_read"`

	// ScanKeys is the number of keys of events that were stepped over, in the
	// tail and, with Scan, in all of the range.
	ScanKeys int `json:"scan_keys"`

	// RecordsRead is the number of events whose record was read, to decide
	// whether it is asked for or because it is.
	RecordsRead int `json:"records_read"`

	// Returned is the number of events in the answer.
	Returned int `json:"returned"`
}

// A PlanList is a posting list that a query used.
type PlanList struct {
	Index string `json:"index"` // such as "by_camera"
	Value string `json:"value"` // empty: strangers
	IDs   int    `json:"ids"`   // how many of its IDs were looked at
}

// Explain answers q and returns how that was done instead of the events.
func (sn *Snapshot) Explain(q Query) (Plan, error) {
	p, err := sn.explain(q)
	return p, failed("explain", err)
}

func (sn *Snapshot) explain(q Query) (Plan, error) {
	if err := sn.usable(); err != nil {
		return Plan{}, err
	}
	q = q.normal()
	if err := q.validate(); err != nil {
		return Plan{}, err
	}
	from, until := q.bounds()
	s, err := sn.search(q, from, until)
	if err != nil {
		return Plan{}, err
	}
	mem := sn.manyEvents()
	var r record
	var lists []list
	for _, p := range s.parts {
		lists = append(lists, p.lists...)
	}
	for n := 0; q.Limit == 0 || n-q.Offset < q.Limit; n++ {
		if err := sn.usable(); err != nil {
			return Plan{}, err
		}
		ok, err := s.event(&mem, &r, n >= q.Offset)
		if err != nil {
			return Plan{}, err
		}
		if !ok {
			break
		}
	}
	i := 0
	s.explains.Lists = orEmpty(s.explains.Lists)
	for _, l := range lists {
		for _, p := range l.of {
			s.explains.Lists[i].IDs = p.steps
			i++
		}
	}
	return s.explains, nil
}

// Explain is Snapshot.Explain on a snapshot of its own.
func (s *Store) Explain(ctx context.Context, q Query) (Plan, error) {
	sn, err := s.snapshot(ctx)
	if err != nil {
		return Plan{}, failed("explain", err)
	}
	defer sn.close()
	return sn.Explain(q)
}

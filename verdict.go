package doorlog

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// matches reports whether m selects an event. The names of m must be normal, and the
// event's detections loaded if m has Labels.
func (m *Match) matches(e *Event) bool {
	return oneOf(m.Cameras, e.Camera) && oneOf(m.Types, e.Type) && oneOf(m.Persons, e.Person) &&
		is(m.Stranger, e.Person == "") && is(m.UnlockGranted, e.UnlockGranted) &&
		oneOf(m.Methods, e.Method) && m.matchesAttributes(e.Attributes) &&
		(len(m.Labels) == 0 || slices.ContainsFunc(e.Detections, func(d Detection) bool { return oneOf(m.Labels, d.Label) }))
}

func (m *Match) matchesAttributes(has map[string]string) bool {
	for asked, values := range m.Attributes {
		found := false
		for name, value := range has {
			found = found || normalName(name) == asked && oneOf(values, value)
		}
		if !found {
			return false
		}
	}
	return true
}

// The reasons to remove something. The reasons of a policy's rules come first, by the
// rule's index; these follow after the last rule.
const (
	byMaxAge = iota
	byMaxEvents
	byMaxBytes
	byKeepFree
	byThumbnailAge
	reasonCount
)

const stays = -1 // no reason: the event or thumbnail stays

// reasons returns the name of each reason in Pruned.
func (p *Policy) reasons() []string {
	var names []string
	for i, r := range p.Rules {
		names = append(names, cmp.Or(r.Name, fmt.Sprintf("rule %d", i+1)))
	}
	return append(names, "max age", "max events", "max bytes", "keep free", "thumbnail age")
}

// A verdict applies a policy at one moment. Its answer for an event depends on that
// event alone. So a dry run and a real one give the same answer, and so does every
// transaction that judges again.
type verdict struct {
	policy *Policy
	at     *reading

	// Events with IDs before these are too old. There is one ID for each rule, and a
	// last one for events that no rule matches.
	before           []ID
	thumbnailsBefore ID

	// The last turns of the events that go because there are too many, because they
	// take too many bytes, and because the disk has too little free space; zero: none
	// goes.
	lastByEvents, lastByBytes, lastByFree turn
}

// A turn is an event's place in the order in which events go: the event that has aged
// longer goes first.
type turn struct {
	from ID // the first ID of the moment from which the event ages, or the event's ID
	own  ID // the event's ID
}

func (t turn) compare(o turn) int { return cmp.Or(t.from.Compare(o.from), t.own.Compare(o.own)) }

func newVerdict(p *Policy, at *reading) verdict {
	limit := func(age time.Duration) ID {
		if age == 0 {
			return ID{}
		}
		return idFrom(at.believed.Add(-age))
	}
	v := verdict{policy: p, at: at, thumbnailsBefore: limit(p.ThumbnailAge)}
	for _, r := range p.Rules {
		v.before = append(v.before, limit(r.MaxAge))
	}
	v.before = append(v.before, limit(p.MaxAge))
	return v
}

// youngest returns the ID from which on every event stays, with its thumbnail.
func (v *verdict) youngest() ID {
	until := v.thumbnailsBefore
	for _, id := range v.before {
		until = maxID(until, id)
	}
	for _, last := range [...]turn{v.lastByEvents, v.lastByBytes, v.lastByFree} {
		if last != (turn{}) {
			until = maxID(until, firstAfter(last.from))
		}
	}
	return until
}

// turn returns the turn of an event. It is by the event's ID, unless the event's time
// is that of a dead clock. An event that does not age yet comes last.
func (v *verdict) turn(e *Event) turn {
	from, never := v.at.agesFrom(e)
	switch {
	case never:
		return turn{lastID, e.ID}
	case from.Equal(e.RecordedAt):
		return turn{e.ID, e.ID}
	}
	return turn{idFrom(from), e.ID}
}

// event returns the reason for which an event goes, or stays.
func (v *verdict) event(e *Event) int {
	t := v.turn(e)
	if e.Pinned {
		return stays
	}
	rules := v.policy.Rules
	rule := slices.IndexFunc(rules, func(r Rule) bool { return r.Match.matches(e) })
	if rule < 0 {
		rule = len(rules) + byMaxAge
	}
	switch {
	case t.from.Compare(v.before[rule]) < 0:
		return rule
	case t.compare(v.lastByEvents) <= 0:
		return len(rules) + byMaxEvents
	case t.compare(v.lastByBytes) <= 0:
		return len(rules) + byMaxBytes
	case t.compare(v.lastByFree) <= 0:
		return len(rules) + byKeepFree
	}
	return stays
}

// thumbnail returns the reason for which an event's thumbnail goes, alone or with the
// event, or stays.
func (v *verdict) thumbnail(e *Event) int {
	reason := v.event(e)
	if e.ThumbnailPath == "" {
		return stays
	}
	if t := v.turn(e); reason == stays && !e.Pinned && t.from.Compare(v.thumbnailsBefore) < 0 {
		return len(v.policy.Rules) + byThumbnailAge
	}
	return reason
}

package doorlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorlog/doorlog/internal/pace"
)

// A Policy says what a store keeps. The zero Policy keeps every event. Pinned
// events stay, with their thumbnails, whatever it says.
//
// Ages count from the RecordedAt of an event to Options.Now, as far as that clock can
// be believed (see Store.Prune).
type Policy struct {
	// Rules are how long kinds of events are kept. The first rule that matches
	// an event decides on its age alone: no later one, nor MaxAge, is asked.
	Rules []Rule `json:"rules,omitempty"`

	// MaxAge is the maximum age of events that no rule matches. 0: no maximum.
	MaxAge time.Duration `json:"max_age_ns,omitempty"`

	// MaxEvents is how many events are kept, pinned ones among them. Of what
	// the ages have left the oldest go first, also those that a rule would
	// keep for longer. 0: any number.
	MaxEvents int `json:"max_events,omitempty"`

	// MaxBytes is how many bytes the events and their thumbnails may take: the
	// pages of the database that are in use, and the files that events name.
	// The oldest go first, as with MaxEvents. What an event takes of the pages
	// is an estimate, by the size of its records, so that it can take a second
	// Prune to come below the bound. All events are read to find it. 0: any
	// number.
	MaxBytes int64 `json:"max_bytes,omitempty"`

	// KeepFree is how much of the disk on which the thumbnails are is to be free.
	// When less is, the oldest events go, as with MaxEvents, with their thumbnails,
	// until the files that go, for whatever reason, give back what is missing. What
	// events take of the database does not count: later events use it again, and only
	// Compact gives it back. If all thumbnails that may go are not enough, something
	// else fills the disk, and nothing goes for this reason (Pruned.HeldBack), nor does
	// it while a backup keeps what is removed. A thumbnail with a second name (a hard
	// link) gives nothing back. Neither do files that a snapshot of the file system
	// keeps: if less than a tenth of what was removed came free, nothing goes again
	// before the disk has more. It is errors.ErrUnsupported where the free space is not known, as on Windows. The zero
	// FreeSpace: nothing.
	KeepFree FreeSpace `json:"keep_free,omitzero"`

	// ThumbnailAge is how old a thumbnail gets. The event stays, without it.
	// It goes for a producer's own file as for one that doorlog made. 0: as
	// old as the event.
	ThumbnailAge time.Duration `json:"thumbnail_age_ns,omitempty"`

	// TrustClock says that somebody has looked at the clock and found it right, however
	// far ahead it is of all that the store has seen. It is for one Prune, and not for
	// Options.Retention.
	TrustClock bool `json:"trust_clock,omitempty"`

	// Orphans says that thumbnails of no event may go, however many they are and
	// whosever the folder is: somebody has looked at what Verify says of them.
	// Without it, they go where the folder is the store's alone, and where they are
	// no more than a hundredth of its pictures, or one. It is for one Prune, and not
	// for Options.Retention.
	Orphans bool `json:"orphans,omitempty"`
}

// A Rule says how long events of a kind are kept.
type Rule struct {
	// Name is that of the rule in Pruned; "rule 1" and so on if it is empty.
	Name string `json:"name,omitempty"`

	// Match says of which events.
	Match Match `json:"match"`

	// MaxAge is how old they get. 0: any age.
	MaxAge time.Duration `json:"max_age_ns,omitempty"`
}

// A Match is a kind of events. The zero Match is every event. Fields of
// different kinds must all hold; of several values in one field any may, as in
// a Query.
type Match struct {
	Cameras []string    `json:"cameras,omitempty"`
	Types   []EventType `json:"types,omitempty"`
	Persons []string    `json:"persons,omitempty"`
	Labels  []string    `json:"labels,omitempty"`

	// Stranger is for events without a person (true) or with one (false),
	// UnlockGranted for those that let somebody in or did not. nil: both.
	Stranger      *bool `json:"stranger,omitempty"`
	UnlockGranted *bool `json:"unlock_granted,omitempty"`
}

func (m *Match) isAll() bool {
	return len(m.Cameras)+len(m.Types)+len(m.Persons)+len(m.Labels) == 0 && m.Stranger == nil && m.UnlockGranted == nil
}

// matches reports whether an event, whose detections are loaded if there are
// Labels, is of the kind. The names of m are normal.
func (m *Match) matches(e *Event) bool {
	return oneOf(m.Cameras, e.Camera) && oneOf(m.Types, e.Type) && oneOf(m.Persons, e.Person) &&
		is(m.Stranger, e.Person == "") && is(m.UnlockGranted, e.UnlockGranted) &&
		(len(m.Labels) == 0 || slices.ContainsFunc(e.Detections, func(d Detection) bool { return oneOf(m.Labels, d.Label) }))
}

// oneOf reports whether a name is one of those, which are normal. None: any is.
func oneOf[T ~string](asked []T, name T) bool {
	return len(asked) == 0 || slices.Contains(asked, normalName(name))
}

func (m *Match) validate() error {
	if len(m.Persons) > 0 && m.Stranger != nil && *m.Stranger {
		return invalid("Match.Persons", "are asked for, and strangers as well: no event is both")
	}
	return cmp.Or(
		validNames("Match.Cameras", m.Cameras), validNames("Match.Types", m.Types),
		validNames("Match.Persons", m.Persons), validNames("Match.Labels", m.Labels),
	)
}

func (p *Policy) validate() error {
	all := -1 // the rule that matches every event
	for i := range p.Rules {
		r := &p.Rules[i]
		place := fmt.Sprintf("Policy.Rules[%d]", i)
		if all >= 0 {
			return invalid(place, "can match no event: Rules[%d] before it matches every one", all)
		}
		if r.MaxAge < 0 {
			return invalid(place+".MaxAge", "%v is negative", r.MaxAge)
		}
		if err := r.Match.validate(); err != nil {
			return inside(place, err)
		}
		if r.Match.isAll() {
			all = i
		}
	}
	switch {
	case p.MaxAge < 0:
		return invalid("Policy.MaxAge", "%v is negative", p.MaxAge)
	case p.MaxAge > 0 && all >= 0:
		return invalid("Policy.MaxAge", "is that of no event: Rules[%d] matches every one", all)
	case p.MaxEvents < 0:
		return invalid("Policy.MaxEvents", "%d is negative", p.MaxEvents)
	case p.MaxBytes < 0:
		return invalid("Policy.MaxBytes", "%d is negative", p.MaxBytes)
	case p.ThumbnailAge < 0:
		return invalid("Policy.ThumbnailAge", "%v is negative", p.ThumbnailAge)
	}
	return p.KeepFree.validate()
}

// needsLabels reports whether a rule looks at the detections.
func (p *Policy) needsLabels() bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return len(r.Match.Labels) > 0 })
}

// The reasons for which something goes: a rule, by its number, or one of these
// behind the last rule.
const (
	byMaxAge = iota
	byMaxEvents
	byMaxBytes
	byKeepFree
	byThumbnailAge
	reasonCount
)

const stays = -1 // is no reason

// reasons returns what Pruned calls each reason.
func (p *Policy) reasons() []string {
	var names []string
	for i, r := range p.Rules {
		names = append(names, cmp.Or(r.Name, fmt.Sprintf("rule %d", i+1)))
	}
	return append(names, "max age", "max events", "max bytes", "keep free", "thumbnail age")
}

// A verdict is a policy at a moment. What it says of an event depends on that
// event alone, so that a dry run and a real one say the same, and so does each
// transaction that looks again.
type verdict struct {
	policy *Policy
	at     *reading

	// Events before these are too old: one for each rule, and one for the
	// events of no rule.
	before           []ID
	thumbnailsBefore ID

	// Events up to these turns go because there are too many, because they take too
	// much, and because the disk has too little free space; zero: none.
	lastByEvents, lastByBytes, lastByFree turn
}

// A turn is when an event goes, of two the one before the other: that of the one that
// has aged for longer.
type turn struct {
	from ID // the first of the moment from which the event ages, or its own
	own  ID
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

// youngest returns the ID from which on everything stays.
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

// turn returns the turn of an event, which is by its own ID, unless its time is that of
// a dead clock: one that does not age yet comes last.
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

// thumbnail returns the reason for which an event goes without its thumbnail,
// or with it.
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

const defaultRetentionEvery = time.Hour

// startRetention has the store pruned from time to time.
func (s *Store) startRetention() {
	if s.opt.Retention == nil {
		return
	}
	s.active.Go(func() {
		var said []string
		for wait := time.Duration(0); pace.Pause(s.life, wait) == nil; wait = s.opt.RetentionEvery {
			s.retainOnce(s.life, &said)
		}
	})
}

// retainOnce prunes once. said is what the log has been told of what is held back.
func (s *Store) retainOnce(ctx context.Context, said *[]string) {
	policy := *s.opt.Retention
	policy.TrustClock, policy.Orphans = false, false // nobody has looked
	gone, err := s.Prune(ctx, policy)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrClosed) {
		s.opt.Logger.Warn("doorlog: retention has stopped until its next turn", "file", s.path, "error", err)
	}
	if gone == nil {
		return
	}
	if !slices.Equal(gone.HeldBack, *said) { // once, and not each time
		for _, why := range gone.HeldBack {
			s.opt.Logger.Warn("doorlog: retention is held back", "file", s.path, "why", why)
		}
		*said = gone.HeldBack
	}
	if gone.Events+gone.Thumbnails+gone.Orphans > 0 {
		s.opt.Logger.Info("doorlog: retention has removed", "file", s.path, "events", gone.Events,
			"thumbnails", gone.Thumbnails, "thumbnail_bytes", gone.ThumbnailBytes, "orphans", gone.Orphans)
	}
}

package doorlog

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A FreeSpace is how much of a disk is to be free. The larger of both counts. The
// zero FreeSpace asks for nothing.
type FreeSpace struct {
	Bytes   int64   `json:"bytes,omitempty"`
	Percent float64 `json:"percent,omitempty"` // of the whole disk, below 100
}

func (f FreeSpace) validate() error {
	switch {
	case f.Bytes < 0:
		return invalid("Policy.KeepFree.Bytes", "%d is negative", f.Bytes)
	case !(f.Percent >= 0 && f.Percent < 100): // also what is no number
		return invalid("Policy.KeepFree.Percent", "%v is not in 0..100", f.Percent)
	case f != FreeSpace{} && !fsx.KnowsFreeSpace:
		return fmt.Errorf("Policy.KeepFree: %w", fsx.ErrFreeSpace)
	}
	return nil
}

// of returns how many bytes of a disk are to be free.
func (f FreeSpace) of(total int64) int64 {
	return max(f.Bytes, int64(math.Ceil(float64(total)/100*f.Percent)))
}

// normal returns the policy with its names in their form.
func (p *Policy) normal() *Policy {
	now := *p
	now.Rules = slices.Clone(p.Rules)
	for i := range now.Rules {
		m := &now.Rules[i].Match
		m.Cameras, m.Types, m.Persons, m.Labels = normalNames(m.Cameras), normalNames(m.Types), normalNames(m.Persons), normalNames(m.Labels)
	}
	return &now
}

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

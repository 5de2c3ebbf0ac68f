package doorlog

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/doorlog/doorlog/internal/fsx"
)

// A FreeSpace is how much of a disk must be free: the larger of Bytes and Percent. The
// zero FreeSpace asks for nothing.
type FreeSpace struct {
	Bytes   int64   `json:"bytes,omitempty"`
	Percent float64 `json:"percent,omitempty"` // of the whole disk, below 100
}

func (f FreeSpace) validate() error {
	switch {
	case f.Bytes < 0:
		return invalid("Policy.KeepFree.Bytes", "%d is negative", f.Bytes)
	case !(f.Percent >= 0 && f.Percent < 100): // also NaN
		return invalid("Policy.KeepFree.Percent", "%v is not in 0..100", f.Percent)
	case f != FreeSpace{} && !fsx.KnowsFreeSpace:
		return fmt.Errorf("Policy.KeepFree: %w", fsx.ErrFreeSpace)
	}
	return nil
}

// of returns how many bytes of a disk of total bytes must be free.
func (f FreeSpace) of(total int64) int64 {
	return max(f.Bytes, int64(math.Ceil(float64(total)/100*f.Percent)))
}

// normal returns the policy with its names in normal form.
func (p *Policy) normal() *Policy {
	now := *p
	now.Rules = slices.Clone(p.Rules)
	for i := range now.Rules {
		m := &now.Rules[i].Match
		m.Cameras, m.Types, m.Persons, m.Labels = normalNames(m.Cameras), normalNames(m.Types), normalNames(m.Persons), normalNames(m.Labels)
		m.Methods, m.Attributes = normalNames(m.Methods), normalAttributes(m.Attributes)
	}
	return &now
}

// A Policy says what a store keeps. The zero Policy keeps every event. Pinned events
// and their thumbnails are always kept.
//
// An event's age is the time from its RecordedAt to [Options.Now], as far as that clock
// can be believed (see [Store.Prune]).
type Policy struct {
	// Rules say how long kinds of events are kept. The first rule that matches an event
	// alone decides how old it may get: later rules and MaxAge do not apply to it.
	Rules []Rule `json:"rules,omitempty"`

	// MaxAge is the maximum age of events that no rule matches. 0: no maximum.
	MaxAge time.Duration `json:"max_age_ns,omitempty"`

	// MaxEvents is the maximum number of events, including pinned ones. After the
	// events that are too old, the oldest of the others go, even if a rule would keep
	// them longer. 0: no maximum.
	MaxEvents int `json:"max_events,omitempty"`

	// MaxBytes is how many bytes the events and their thumbnails may take: the pages of
	// the database that are in use, and the files that events name. The changes that are
	// kept for readers ([Store.Changes]) do not count. The oldest events go first, as with
	// MaxEvents. How much of the pages an event takes is estimated from the size of its
	// records, so it can take a second Prune to get below the limit. Prune reads all events
	// to apply it. 0: no limit.
	MaxBytes int64 `json:"max_bytes,omitempty"`

	// KeepFree is how much of the disk that holds the thumbnails must be free. If less
	// is free, the oldest events go, as with MaxEvents, with their thumbnails, until
	// the removed files give back what is missing. Files that are removed for other
	// reasons count too. The database does not count: later events reuse its pages, and
	// only Compact gives them back.
	//
	// Nothing is removed for this reason if all thumbnails that may go are not enough,
	// because then something else fills the disk, or while a backup keeps the removed
	// files ([Pruned.HeldBack]). A thumbnail with a second name (a hard link) gives
	// nothing back. Neither does a file that a snapshot of the file system keeps: if
	// less than a tenth of what was removed came free, nothing more is removed before
	// the disk has more free space.
	//
	// Where the free space is not known, as on Windows, KeepFree is
	// [errors.ErrUnsupported]. The zero FreeSpace: nothing is removed for this reason.
	KeepFree FreeSpace `json:"keep_free,omitzero"`

	// ThumbnailAge is the maximum age of a thumbnail. An older one goes, and its event
	// stays without it. That is true of a producer's own file too. 0: a thumbnail stays
	// as long as its event.
	ThumbnailAge time.Duration `json:"thumbnail_age_ns,omitempty"`

	// TrustClock says that somebody has checked the clock and found it right, however
	// far it is ahead of all that the store has seen. It is for a single call of Prune:
	// [Options.Retention] ignores it.
	TrustClock bool `json:"trust_clock,omitempty"`

	// Orphans says that any number of thumbnails of no event may go, whoever owns the
	// folder: somebody has checked what Verify says of them. Without it they go only if
	// the folder is the store's alone, and if they are at most a hundredth of its
	// pictures, or one. It is for a single call of Prune: [Options.Retention] ignores
	// it.
	Orphans bool `json:"orphans,omitempty"`
}

// A Rule says how long events of a kind are kept.
type Rule struct {
	// Name is the rule's name in Pruned; empty means "rule 1" and so on.
	Name string `json:"name,omitempty"`

	// Match says which events the rule is for.
	Match Match `json:"match"`

	// MaxAge is the maximum age of these events. 0: no maximum.
	MaxAge time.Duration `json:"max_age_ns,omitempty"`
}

// A Match selects events. The zero Match selects every event. All fields that are set
// must match; a field with several values matches if any of them does, as in a [Query].
type Match struct {
	Cameras []string    `json:"cameras,omitempty"`
	Types   []EventType `json:"types,omitempty"`
	Persons []string    `json:"persons,omitempty"`
	Labels  []string    `json:"labels,omitempty"`
	Methods []Method    `json:"methods,omitempty"`

	// Attributes selects events by their attributes, as in a Query.
	Attributes map[string][]string `json:"attributes,omitempty"`

	// Stranger selects events without a person (true) or with one (false).
	// UnlockGranted selects events that let somebody in (true) or did not (false). nil
	// selects both.
	Stranger      *bool `json:"stranger,omitempty"`
	UnlockGranted *bool `json:"unlock_granted,omitempty"`
}

func (m *Match) isAll() bool {
	return len(m.Cameras)+len(m.Types)+len(m.Persons)+len(m.Labels)+len(m.Methods)+len(m.Attributes) == 0 &&
		m.Stranger == nil && m.UnlockGranted == nil
}

func (m *Match) validate() error {
	if len(m.Persons) > 0 && m.Stranger != nil && *m.Stranger {
		return invalid("Match.Persons", "are asked for, and strangers as well: no event is both")
	}
	return cmp.Or(
		validNames("Match.Cameras", m.Cameras), validNames("Match.Types", m.Types),
		validNames("Match.Persons", m.Persons), validNames("Match.Labels", m.Labels),
		validNames("Match.Methods", m.Methods), validAskedAttributes("Match.Attributes", m.Attributes),
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

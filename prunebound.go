package doorlog

import (
	"slices"
)

// bound finds the last event that goes because of MaxEvents, and the last that goes
// because of MaxBytes.
func (p *pruning) bound() error {
	maxEvents, maxBytes := p.policy.MaxEvents, p.policy.MaxBytes
	if maxBytes == 0 && (maxEvents == 0 || p.events <= maxEvents) {
		return nil
	}
	until := p.youngest()
	if maxBytes > 0 {
		until, p.surveyed = lastID, true
	}
	told, err := p.begin("judging", until)
	if err != nil {
		return err
	}
	events, records, files := p.events, int64(0), int64(0) // events that stay; bytes of records that go, of files that stay
	err = p.walk(until, func(r *record, bytes int64) (bool, error) {
		told.add(1)
		if p.event(&r.Event) != stays {
			events--
			records += bytes
		}
		if !p.surveyed {
			return true, nil
		}
		p.walked++
		p.walkedBytes += bytes
		if p.thumbnail(&r.Event) != stays {
			return true, nil
		}
		file, err := p.fileBytes(r)
		files += file
		return true, err
	}, nil)
	if err != nil {
		return err
	}
	told.finish()
	tooMany, tooLarge := 0, int64(0)
	if maxEvents > 0 {
		tooMany = events - maxEvents
	}
	if maxBytes > 0 {
		tooLarge = p.inUse - p.share(records) + files - maxBytes
	}
	return p.findLast(tooMany, tooLarge)
}

// findLast finds the last event that must go to remove tooMany more events, and the
// last that must go to free tooLarge more bytes.
func (p *pruning) findLast(tooMany int, tooLarge int64) error {
	if tooMany <= 0 && tooLarge <= 0 {
		return nil
	}
	ages := p.verdict // a copy: no last event is set in it yet
	size := func(r *record) (int64, error) {
		if tooLarge <= 0 || ages.thumbnail(&r.Event) != stays {
			return 0, nil
		}
		return p.fileBytes(r)
	}
	records, files := int64(0), int64(0)
	return p.inTurn(ages, size, func(t turn, record, file int64) (more bool) {
		if tooMany > 0 {
			p.lastByEvents = t
		}
		if tooLarge > p.share(records)+files {
			p.lastByBytes = t
		}
		tooMany--
		records += record
		files += file
		return tooMany > 0 || tooLarge > p.share(records)+files
	})
}

// inTurn calls take with the events that may go but that ages keeps, in the order of
// their turns, until take returns false. record is the size of the event's records, and
// file is what size returns for it.
func (p *pruning) inTurn(
	ages verdict, size func(*record) (int64, error), take func(t turn, record, file int64) (more bool),
) error {
	type later struct {
		turn         turn
		record, file int64
	}
	var late []later // events whose turn comes after their IDs, sorted by turn
	more := true
	takeLate := func() {
		first := late[0]
		late = late[1:]
		more = take(first.turn, first.record, first.file)
	}
	err := p.walk(lastID, func(r *record, bytes int64) (bool, error) {
		t := ages.turn(&r.Event)
		if r.Pinned || ages.event(&r.Event) != stays {
			return true, nil
		}
		file, err := size(r)
		if err != nil {
			return false, err
		}
		if t.from != r.ID {
			at, _ := slices.BinarySearchFunc(late, t, func(a later, b turn) int { return a.turn.compare(b) })
			late = slices.Insert(late, at, later{t, bytes, file})
			return true, nil
		}
		for more && len(late) > 0 && late[0].turn.compare(t) < 0 {
			takeLate()
		}
		if more {
			more = take(t, bytes, file)
		}
		return more, nil
	}, nil)
	for err == nil && more && len(late) > 0 {
		takeLate()
	}
	return err
}

// fileBytes returns the size of an event's thumbnail. A file that several events name
// counts only for the newest of them.
func (p *pruning) fileBytes(r *record) (int64, error) {
	newest := r.ID
	if r.thumb.known && r.ThumbnailPath != thumbnailPath(r.ID) {
		err := p.inSnapshot(func(in guarded) error {
			return in.overNamers(r.ThumbnailPath, func(id ID) bool {
				newest = id
				return false
			})
		})
		if err != nil {
			return 0, err
		}
	}
	if newest != r.ID {
		return 0, nil
	}
	return r.thumb.size, nil
}

package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"reflect"

	"github.com/doorlog/doorlog"
)

// A pageQuestion is a call that reads.
type pageQuestion struct {
	name string
	ask  func(context.Context, *doorlog.Store) (any, error)
}

// errWrong: a store says what is not so.
var errWrong = errors.New("wrong")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errWrong, fmt.Sprintf(format, args...))
}

// errTwice: an iteration comes back to where it was.
var errTwice = errors.New("it yields an event twice")

// notFound is the answer to a question about what is not there.
const notFound = "not found"

// allOf takes in a list of events, and a few more than there should be at most: one
// that goes round would have no end.
func allOf(events iter.Seq2[doorlog.Event, error], most int) (list []doorlog.Event, err error) {
	list = []doorlog.Event{}
	for e, err := range events {
		if err != nil {
			return list, err
		}
		if list = append(list, e); len(list) > most {
			seen := make(map[doorlog.ID]bool)
			for _, e := range list {
				if seen[e.ID] {
					return list, fmt.Errorf("%w: %w", errWrong, errTwice)
				}
				seen[e.ID] = true
			}
			return list, fmt.Errorf("%w: more events than %d", errWrong, most)
		}
	}
	return list, nil
}

// pageQuestions are all calls that read, of a store of these events.
func pageQuestions(events []doorlog.Event) (all []pageQuestion) {
	add := func(name string, ask func(context.Context, *doorlog.Store) (any, error)) {
		all = append(all, pageQuestion{name, ask})
	}
	qs := questions()
	qs["everything"] = doorlog.Query{}
	for _, name := range sortedKeys(qs) {
		q := qs[name]
		add("Events "+name, func(ctx context.Context, st *doorlog.Store) (any, error) {
			return allOf(st.Events(ctx, q), len(events))
		})
		add("Count "+name, func(ctx context.Context, st *doorlog.Store) (any, error) { return st.Count(ctx, q) })
		add("Page "+name, func(ctx context.Context, st *doorlog.Store) (any, error) { return threePages(ctx, st, q) })
	}
	add("View", func(ctx context.Context, st *doorlog.Store) (list any, err error) {
		err = st.View(ctx, func(sn *doorlog.Snapshot) (err error) {
			list, err = allOf(sn.Events(doorlog.Query{OldestFirst: true}), len(events))
			return err
		})
		return list, err
	})
	for _, n := range []int{1, 20, len(events) + 1} {
		add(fmt.Sprint("Recent ", n), func(ctx context.Context, st *doorlog.Store) (any, error) { return st.Recent(ctx, n) })
	}
	add("Event", func(ctx context.Context, st *doorlog.Store) (any, error) { return nil, eachByID(ctx, st, events) })
	add("Event of no event", func(ctx context.Context, st *doorlog.Store) (any, error) { return st.Event(ctx, eventID(now, 77)) })
	addOthers(add, events)
	return all
}

// changesOf returns what all changes that are kept say, without the keys of persons, which are
// drawn at random.
func changesOf(ctx context.Context, st *doorlog.Store) (list []string, err error) {
	var page doorlog.ChangePage
	for page.More = true; page.More && err == nil; {
		page, err = st.ChangePage(ctx, page.Next, 0, &doorlog.ChangeOptions{IDsOnly: true})
		for _, c := range page.Changes {
			if c.Op > doorlog.EventDeleted {
				c.ID = doorlog.ID{}
			}
			list = append(list, fmt.Sprint(c.Cursor.Seq(), c.Op, c.ID))
		}
	}
	return list, err
}

type addQuestion func(name string, ask func(context.Context, *doorlog.Store) (any, error))

// addOthers adds what is not asked about lists of events.
func addOthers(add addQuestion, events []doorlog.Event) {
	for i, e := range events {
		if i%max(1, len(events)/16) == 0 && e.RecordingID != "" {
			add("EventByRecording "+e.RecordingID, func(ctx context.Context, st *doorlog.Store) (any, error) {
				return st.EventByRecording(ctx, e.Camera, e.RecordingID)
			})
		}
		if e.FrameWidth > 0 {
			add("Thumbnail", func(ctx context.Context, st *doorlog.Store) (any, error) { return st.Thumbnail(ctx, e.ID) })
		}
	}
	add("Persons", func(ctx context.Context, st *doorlog.Store) (any, error) {
		persons, err := st.Persons(ctx)
		for i := range persons {
			persons[i].Key = doorlog.ID{} // which is drawn at random
		}
		return persons, err
	})
	add("Cameras", func(ctx context.Context, st *doorlog.Store) (any, error) { return st.Cameras(ctx) })
	add("Types", func(ctx context.Context, st *doorlog.Store) (any, error) { return st.Types(ctx) })
	add("Changes", func(ctx context.Context, st *doorlog.Store) (any, error) { return changesOf(ctx, st) })
	add("AutoUnlockNames", func(ctx context.Context, st *doorlog.Store) (any, error) { return st.AutoUnlockNames(ctx) })
	for _, name := range []string{"alice", "bob", "carol", "nobody"} {
		add("Person "+name, func(ctx context.Context, st *doorlog.Store) (any, error) { return st.Person(ctx, name) })
	}
	add("analysis", func(ctx context.Context, st *doorlog.Store) (any, error) {
		a := new(answers)
		err := a.analyse(ctx, st) // each of them with its error
		return a.analysis, err
	})
	add("WouldPrune", func(ctx context.Context, st *doorlog.Store) (any, error) {
		pruned, err := st.WouldPrune(ctx, doorlog.Policy{MaxEvents: len(events) / 2})
		if err != nil {
			return nil, err
		}
		return pruned.Events, nil
	})
	add("WouldForgetMissing", func(ctx context.Context, st *doorlog.Store) (any, error) {
		_, err := st.WouldForgetMissing(ctx, nil)
		return nil, err
	})
	add("Explain", func(ctx context.Context, st *doorlog.Store) (any, error) {
		_, err := st.Explain(ctx, doorlog.Query{Cameras: []string{"camera1"}, Labels: []string{"label2"}})
		return nil, err
	})
	add("Verify", func(ctx context.Context, st *doorlog.Store) (any, error) {
		v, err := st.Verify(ctx)
		if err != nil {
			return nil, err
		}
		return nil, v.Err()
	})
}

// eachByID asks for every event. One that cannot be read is no answer to the others.
func eachByID(ctx context.Context, st *doorlog.Store, events []doorlog.Event) (first error) {
	for _, want := range events {
		switch got, err := st.Event(ctx, want.ID); {
		case err != nil && !isDamage(err):
			return wrong("event %s: %v", want.ID, err)
		case err != nil && first == nil:
			first = err
		case err == nil && !reflect.DeepEqual(got, want):
			return wrong("event %s is %+v, and was %+v", want.ID, got, want)
		case err == nil && first != nil && knowsDamage(ctx, st):
			return wrong("event %s is served after damage was found", want.ID)
		}
	}
	return first
}

// threePages goes forth, and back again.
func threePages(ctx context.Context, st *doorlog.Store, q doorlog.Query) (any, error) {
	q.Limit = 7
	first, err := st.Page(ctx, q, "")
	if err != nil || first.Next == "" {
		return first.Events, err
	}
	second, err := st.Page(ctx, q, first.Next)
	if err != nil {
		return nil, err
	}
	back, err := st.Page(ctx, q, second.Prev)
	if err != nil {
		return nil, err
	}
	return [][]doorlog.Event{first.Events, second.Events, back.Events}, nil
}

// isDamage reports whether an error says that something is damaged.
func isDamage(err error) bool { return errors.Is(err, doorlog.ErrCorrupt) }

// knowsDamage reports whether a store knows that its file is damaged.
func knowsDamage(ctx context.Context, st *doorlog.Store) bool {
	stats, err := st.Stats(ctx)
	return stats.Damage != nil || errors.Is(err, doorlog.ErrClosed)
}

// answerTo asks a question. What is not there is an answer.
func (q *pageQuestion) answerTo(ctx context.Context, st *doorlog.Store) (any, error) {
	answer, err := q.ask(ctx, st)
	if errors.Is(err, doorlog.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return notFound, nil
	}
	return answer, err
}

// judgeAnswer compares an answer with the truth. The error is errWrong, or the
// damage that the store tells of.
func judgeAnswer(name string, got any, err error, truth any) error {
	switch {
	case err == nil && !reflect.DeepEqual(got, truth):
		return wrong("%s: %s", name, difference(got, truth))
	case err == nil || errors.Is(err, errWrong):
		return err
	case !isDamage(err):
		return wrong("%s: %v", name, err)
	}
	if events, ok := got.([]doorlog.Event); ok && len(events) > 0 { // those before the error
		should, ok := truth.([]doorlog.Event)
		if !ok || len(events) > len(should) || !reflect.DeepEqual(events, should[:len(events)]) {
			return wrong("%s: before its error it gives %d events that are not those", name, len(events))
		}
	}
	return err
}

// difference says in a few words how an answer differs.
func difference(got, truth any) string {
	if g, ok := got.([]doorlog.Event); ok {
		if w, ok := truth.([]doorlog.Event); ok {
			return fmt.Sprintf("%d events, and there are %d", len(g), len(w))
		}
	}
	text := fmt.Sprintf("%v, and it is %v", got, truth)
	return text[:min(len(text), 300)]
}

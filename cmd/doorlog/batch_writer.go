package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// A batchWriter writes the batches of an import into a store.
type batchWriter struct {
	st      store
	once    bool
	rejects *rejects // nil: a bad line ends the import
	errOut  io.Writer
	bar     terminal.Bar // counts bytes
	sum     importSummary
	foreign error // what the input seems to be, if it is not for import
}

// run writes all batches. The first has been read already.
func (w *batchWriter) run(ctx context.Context, from *batchReader, b batch) error {
	for {
		if err := w.take(ctx, b); err != nil {
			return err
		}
		if errors.Is(b.end, io.EOF) {
			return nil
		}
		if b.end != nil {
			return b.end
		}
		var err error
		if b, err = from.next(ctx); err != nil {
			return err
		}
	}
}

// take writes a batch, and puts the bad lines into the rejects.
func (w *batchWriter) take(ctx context.Context, b batch) error {
	bad := b.bad
	w.foreign = cmp.Or(w.foreign, b.foreign)
	w.tellMended(b.good)
	for run, rest := nextRun(b.good); len(run) > 0; run, rest = nextRun(rest) {
		write := w.writeEvents
		if run[0].person != nil {
			write = w.putPersons
		}
		refused, err := write(ctx, run)
		if err != nil {
			return err
		}
		bad = slices.Concat(bad, refused)
	}
	slices.SortFunc(bad, func(a, b inputLine) int {
		return cmp.Or(a.place.Line-b.place.Line, a.place.Item-b.place.Item)
	})
	w.sum.Rejected += len(bad)
	if err := w.rejects.add(w.errOut, bad); err != nil {
		return err
	}
	w.bar.Add(b.bytes)
	w.bar.Label("importing: " + plural(w.sum.Imported+w.sum.Existed, "event"))
	return nil
}

// tellMended prints the first changes to detections, and counts all.
func (w *batchWriter) tellMended(lines []inputLine) {
	for _, line := range lines {
		for _, change := range line.mended {
			w.sum.Mended++
			switch {
			case w.sum.Mended <= shownRejects:
				fmt.Fprintf(w.errOut, "doorlog: mended %s\n", terminal.Printable(lineError{line.place, change}.Error()))
			case w.sum.Mended == shownRejects+1:
				fmt.Fprintln(w.errOut, "doorlog: further mended detections are not shown here")
			}
		}
	}
}

// nextRun splits lines after the first run of persons, or of events. Runs are written in the
// order of the input.
func nextRun(lines []inputLine) (run, rest []inputLine) {
	n := 0
	for n < len(lines) && (lines[n].person == nil) == (lines[0].person == nil) {
		n++
	}
	return lines[:n], lines[n:]
}

// putPersons stores persons. It returns those that the store refuses; without rejects the
// first of them is the error.
func (w *batchWriter) putPersons(ctx context.Context, lines []inputLine) (refused []inputLine, err error) {
	for _, line := range lines {
		err := w.putPerson(ctx, line.person)
		switch isLine := errors.Is(err, doorlog.ErrInvalid) || errors.Is(err, doorlog.ErrTooLarge); {
		case err == nil:
			w.sum.Persons++
		case isLine && w.rejects != nil:
			line.bad = err
			refused = append(refused, line)
		case isLine:
			return nil, lineError{line.place, err}
		default:
			return nil, err
		}
	}
	return refused, nil
}

// putPerson stores a person. With once, a person who is there stays unchanged.
func (w *batchWriter) putPerson(ctx context.Context, p *doorlog.Person) error {
	if w.once {
		if _, err := w.st.Person(ctx, p.Name); !errors.Is(err, doorlog.ErrNotFound) {
			return err
		}
	}
	_, err := w.st.PutPerson(ctx, doorlog.PersonInput{
		Name: p.Name, DisplayName: p.DisplayName, AutoUnlock: &p.AutoUnlock, CreatedAt: p.CreatedAt,
	})
	return err
}

// writeEvents stores events in one transaction. If the store refuses one of them it takes
// none: then the halves are tried, down to the single events that are refused. It returns
// those. Without rejects the first of them is the error: the events before it are written,
// and none after it.
func (w *batchWriter) writeEvents(ctx context.Context, lines []inputLine) (refused []inputLine, err error) {
	if len(lines) == 0 {
		return nil, nil
	}
	err = w.transaction(ctx, lines)
	isLine := errors.Is(err, doorlog.ErrInvalid) || errors.Is(err, doorlog.ErrExists) || errors.Is(err, doorlog.ErrTooLarge)
	switch {
	case !isLine:
		return nil, err
	case len(lines) == 1 && w.rejects == nil:
		return nil, lineError{lines[0].place, err}
	case len(lines) == 1:
		lines[0].bad = err
		return lines, nil
	}
	half := len(lines) / 2
	if refused, err = w.writeEvents(ctx, lines[:half]); err != nil {
		return nil, err
	}
	more, err := w.writeEvents(ctx, lines[half:])
	return append(slices.Clone(refused), more...), err
}

// transaction stores events, all or none, and counts them.
func (w *batchWriter) transaction(ctx context.Context, lines []inputLine) error {
	events := make([]doorlog.Event, len(lines))
	for i := range lines {
		events[i] = lines[i].event
	}
	var existed []bool
	var err error
	if w.once {
		_, existed, err = w.st.WriteEventsOnce(ctx, events, nil)
	} else if existed, err = w.known(ctx, events); err == nil {
		_, err = w.st.WriteEvents(ctx, events)
	}
	if err != nil {
		return err
	}
	for _, e := range existed {
		if e {
			w.sum.Existed++
		} else {
			w.sum.Imported++
		}
	}
	return nil
}

// known reports which events have an ID that is in the store, or that an event before them
// has. WriteEvents accepts such an event if it is the same one. It writes nothing then, and
// does not tell.
func (w *batchWriter) known(ctx context.Context, events []doorlog.Event) ([]bool, error) {
	known := make([]bool, len(events))
	var ids []doorlog.ID
	for i := range events {
		if id := events[i].ID; !id.IsZero() {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return known, nil
	}
	there, err := w.st.Known(ctx, ids)
	if err != nil {
		return nil, err
	}
	before := make(map[doorlog.ID]bool, len(ids))
	for _, id := range there {
		before[id] = true
	}
	for i := range events {
		if id := events[i].ID; !id.IsZero() {
			known[i] = before[id]
			before[id] = true
		}
	}
	return known, nil
}

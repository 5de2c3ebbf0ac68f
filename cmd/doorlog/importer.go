package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/doorlog/doorlog"
)

// A batch is what one transaction writes. The bytes are bounded too, since a
// line may be long.
const (
	batchLines = 4000
	batchBytes = 8 << 20
)

// An inputLine is a line that is not empty, or a value of a document: an event, a
// person, or what is wrong with it.
type inputLine struct {
	place  inputPlace
	event  doorlog.Event
	person *doorlog.Person // nil: it is an event
	mended []error         // what was changed of its detections
	raw    []byte          // kept for --rejects alone
	bad    error
}

// A lineError says which line of the input is bad, and why.
type lineError struct {
	place inputPlace
	err   error
}

func (e lineError) Error() string { return e.place.String() + ": " + reason(e.err) }
func (e lineError) Unwrap() error { return e.err }

// A batch of lines. The one that holds the end of the input, or what broke it
// off, is the last.
type batch struct {
	good, bad []inputLine
	bytes     int64
	foreign   error // what the input seems to be, if its first line is nothing of ours
	end       error // io.EOF, a lineError, or a failure to read; nil: more will come
}

// An importer takes lines into a store: one goroutine reads and decodes them,
// the other writes them, batch by batch.
type importer struct {
	st      *doorlog.Store
	once    bool
	mend    bool
	rejects *rejects // nil: a bad line ends the import
	errOut  io.Writer
	bar     progressBar // counts bytes
	sum     importSummary
	foreign error // see batch
	batches chan batch
	begun   bool // a value has been decoded; for the goroutine that reads
}

// look begins to read, until ctx ends, and returns the first batch. Its error says that
// the input is nothing for import.
func (im *importer) look(ctx context.Context, in io.Reader) (first batch, err error) {
	// A read of a terminal or a pipe cannot be called off: the goroutine may
	// stay in one, and lets go of its batch when that returns.
	im.batches = make(chan batch)
	go func() {
		from, err := newSource(in)
		if err == nil {
			im.read(ctx, from, im.batches)
			return
		}
		select {
		case im.batches <- batch{end: err}:
		case <-ctx.Done():
		}
	}()
	select {
	case <-ctx.Done():
		return first, ctx.Err()
	case first = <-im.batches:
	}
	if _, foreign := errors.AsType[foreignError](first.end); foreign && len(first.good) == 0 {
		return first, first.end
	}
	return first, nil
}

// run takes the batches, the first of which has been read.
func (im *importer) run(ctx context.Context, b batch) error {
	for {
		if err := im.take(ctx, b); err != nil {
			return err
		}
		if errors.Is(b.end, io.EOF) {
			return nil
		}
		if b.end != nil {
			return b.end
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b = <-im.batches:
		}
	}
}

// read sends the values of the input, batch by batch. A batch goes when it is
// full, and when the next line is not there yet: it may be long in coming.
func (im *importer) read(ctx context.Context, from source, to chan<- batch) {
	var b batch
	var sent int64
	for b.end == nil {
		raw, err := from.next()
		switch {
		case err == nil && len(raw) == 0:
		case err == nil || errors.Is(err, errLongLine):
			im.decode(&b, from.at(), raw, err)
		case errors.Is(err, io.EOF):
			b.end = io.EOF
		default:
			b.end = err
		}
		b.bytes = from.taken() - sent
		count := len(b.good) + len(b.bad)
		if b.end == nil && count < batchLines && b.bytes < batchBytes && (count == 0 || !from.waiting()) {
			continue
		}
		select {
		case to <- b:
		case <-ctx.Done():
			return
		}
		sent = from.taken()
		b = batch{end: b.end}
	}
}

// decode puts a line into the batch; a bad one ends it unless there is a place for rejects.
func (im *importer) decode(b *batch, at inputPlace, raw []byte, err error) {
	line := inputLine{place: at}
	if err == nil {
		if isPerson(raw) {
			line.person, err = unmarshalPerson(raw)
		} else {
			line.mended, err = im.unmarshal(raw, &line.event)
		}
	}
	var foreign error
	if !im.begun && !errors.Is(err, errLongLine) && (err != nil || line.person == nil) {
		if foreign = foreignJSON(raw); foreign != nil {
			err = foreign
		}
	}
	im.begun = true
	b.foreign = cmp.Or(b.foreign, foreign)
	if im.rejects != nil {
		line.raw = oneLine(raw)
	}
	switch {
	case foreign != nil && (im.rejects == nil || at.item == 1):
		b.end = foreign
	case err == nil:
		b.good = append(b.good, line)
	case im.rejects != nil:
		line.bad = err
		b.bad = append(b.bad, line)
	default:
		b.end = lineError{at, err}
	}
}

// foreignJSON says what the first value of an input is that has nothing of an event
// or a person; nil if it has.
func foreignJSON(raw []byte) error {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil //nolint:nilerr // it is told as no JSON
	}
	fields, isObject := v.(map[string]any)
	if !isObject {
		return foreignError("is JSON, but no objects" + wanted)
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch name {
		case "camera_id", "recorded_at", "event_type", "display_name", "auto_unlock":
			return nil
		case "person":
			if _, isObject := fields[name].(map[string]any); isObject {
				return nil
			}
		}
		names = append(names, strconv.Quote(name))
	}
	if len(names) == 0 {
		return foreignError("is JSON with an empty object" + wanted)
	}
	const shown = 8
	if len(names) > shown {
		names = append(names[:shown], "…")
	}
	return foreignError("is JSON with the fields " + strings.Join(names, ", ") + wanted)
}

// oneLine returns a copy of a value, on one line.
func oneLine(raw []byte) []byte {
	var line bytes.Buffer
	if bytes.ContainsRune(raw, '\n') && json.Compact(&line, raw) == nil {
		return line.Bytes()
	}
	return slices.Clone(raw)
}

func (im *importer) unmarshal(raw []byte, e *doorlog.Event) (mended []error, err error) {
	if im.mend {
		if err = json.Unmarshal(raw, new(json.RawMessage)); err == nil {
			mended, err = e.UnmarshalMending(raw)
		}
	} else {
		err = json.Unmarshal(raw, e)
	}
	return mended, notJSON(err)
}

// isPerson reports whether a value is a person, as export and "persons list" write
// it: its first field says so, which no event has.
func isPerson(raw []byte) bool {
	switch firstField(raw) {
	case "person", "name", "display_name", "auto_unlock":
		return true
	}
	return false
}

func unmarshalPerson(raw []byte) (*doorlog.Person, error) {
	p := new(doorlog.Person)
	if firstField(raw) != "person" {
		return p, notJSON(json.Unmarshal(raw, p))
	}
	if err := json.Unmarshal(raw, new(json.RawMessage)); err != nil {
		return nil, notJSON(err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	for range 2 { // the brace and the name
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
	}
	if err := dec.Decode(&p); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errors.New("person: is missing")
	}
	if dec.More() {
		return nil, errors.New("person: is not the only field")
	}
	return p, nil
}

// notJSON says so of a line, if that is what err means.
func notJSON(err error) error {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("is not JSON: %w", err)
	}
	return err
}

// nextRun returns the first lines, which are all of persons or all of events, and
// those after them: they are written in the order of the input.
func nextRun(lines []inputLine) (run, rest []inputLine) {
	n := 0
	for n < len(lines) && (lines[n].person == nil) == (lines[0].person == nil) {
		n++
	}
	return lines[:n], lines[n:]
}

// putPersons stores persons. Those that the store refuses are returned, or the
// first of them is the error.
func (im *importer) putPersons(ctx context.Context, lines []inputLine) (refused []inputLine, err error) {
	for _, line := range lines {
		err := im.putPerson(ctx, line.person)
		switch isLine := errors.Is(err, doorlog.ErrInvalid) || errors.Is(err, doorlog.ErrTooLarge); {
		case err == nil:
			im.sum.Persons++
		case isLine && im.rejects != nil:
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

// putPerson stores a person. In mode once one who is there stays as he is.
func (im *importer) putPerson(ctx context.Context, p *doorlog.Person) error {
	if im.once {
		if _, err := im.st.Person(ctx, p.Name); !errors.Is(err, doorlog.ErrNotFound) {
			return err
		}
	}
	_, err := im.st.PutPerson(ctx, doorlog.PersonInput{
		Name: p.Name, DisplayName: p.DisplayName, AutoUnlock: &p.AutoUnlock, CreatedAt: p.CreatedAt,
	})
	return err
}

// take writes a batch, and the lines that were refused to the rejects.
func (im *importer) take(ctx context.Context, b batch) error {
	bad := b.bad
	im.foreign = cmp.Or(im.foreign, b.foreign)
	im.tellMended(b.good)
	for run, rest := nextRun(b.good); len(run) > 0; run, rest = nextRun(rest) {
		write := im.write
		if run[0].person != nil {
			write = im.putPersons
		}
		refused, err := write(ctx, run)
		if err != nil {
			return err
		}
		bad = slices.Concat(bad, refused)
	}
	slices.SortFunc(bad, func(a, b inputLine) int {
		return cmp.Or(a.place.line-b.place.line, a.place.item-b.place.item)
	})
	im.sum.Rejected += int64(len(bad))
	if err := im.rejects.add(im.errOut, bad); err != nil {
		return err
	}
	im.bar.Add(b.bytes)
	im.bar.Label(fmt.Sprintf("importing: %s events", humanize.Comma(im.sum.Imported+im.sum.Existed)))
	return nil
}

// tellMended explains the first changes to detections, and counts all.
func (im *importer) tellMended(lines []inputLine) {
	for _, line := range lines {
		for _, change := range line.mended {
			im.sum.Mended++
			switch {
			case im.sum.Mended <= shownRejects:
				fmt.Fprintf(im.errOut, "doorlog: mended %s\n", printable(lineError{line.place, change}.Error()))
			case im.sum.Mended == shownRejects+1:
				fmt.Fprintln(im.errOut, "doorlog: further mended detections are not shown here")
			}
		}
	}
}

// write stores lines in one transaction. If the store refuses one of them it
// takes none, so the halves are tried, the first one first, down to the lines
// that are to blame: those are returned, or the first of them is the error,
// with everything before it written and nothing after it.
func (im *importer) write(ctx context.Context, lines []inputLine) (refused []inputLine, err error) {
	if len(lines) == 0 {
		return nil, nil
	}
	err = im.store(ctx, lines)
	isLine := errors.Is(err, doorlog.ErrInvalid) || errors.Is(err, doorlog.ErrExists) || errors.Is(err, doorlog.ErrTooLarge)
	switch {
	case !isLine:
		return nil, err
	case len(lines) == 1 && im.rejects == nil:
		return nil, lineError{lines[0].place, err}
	case len(lines) == 1:
		lines[0].bad = err
		return lines, nil
	}
	half := len(lines) / 2
	if refused, err = im.write(ctx, lines[:half]); err != nil {
		return nil, err
	}
	more, err := im.write(ctx, lines[half:])
	return append(slices.Clone(refused), more...), err
}

func (im *importer) store(ctx context.Context, lines []inputLine) error {
	events := make([]doorlog.Event, len(lines))
	for i := range lines {
		events[i] = lines[i].event
	}
	var existed []bool
	var err error
	if im.once {
		_, existed, err = im.st.WriteEventsOnce(ctx, events, nil)
	} else if existed, err = im.known(ctx, events); err == nil {
		_, err = im.st.WriteEvents(ctx, events)
	}
	if err != nil {
		return err
	}
	for _, e := range existed {
		if e {
			im.sum.Existed++
		} else {
			im.sum.Imported++
		}
	}
	return nil
}

// known reports which events have an ID that is there, or that one before them
// has. WriteEvents takes such a one if it is the same event, but writes nothing,
// and does not say so.
func (im *importer) known(ctx context.Context, events []doorlog.Event) ([]bool, error) {
	known := make([]bool, len(events))
	hasID := func(e doorlog.Event) bool { return e.ID != doorlog.ID{} }
	if !slices.ContainsFunc(events, hasID) {
		return known, nil
	}
	err := im.st.View(ctx, func(sn *doorlog.Snapshot) error {
		before := map[doorlog.ID]bool{}
		for i := range events {
			id := events[i].ID
			if id == (doorlog.ID{}) {
				continue
			}
			_, err := sn.Event(id)
			if err != nil && !errors.Is(err, doorlog.ErrNotFound) {
				return err
			}
			known[i] = err == nil || before[id]
			before[id] = true
		}
		return nil
	})
	return known, err
}

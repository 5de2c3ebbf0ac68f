package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/dustin/go-humanize"

	"github.com/doorlog/doorlog"
)

// A batch is what one transaction writes. The bytes are bounded too, since a
// line may be long.
const (
	batchLines = 4000
	batchBytes = 8 << 20
)

// An inputLine is a line that is not empty: an event, a person, or what is wrong
// with it.
type inputLine struct {
	number int
	event  doorlog.Event
	person *doorlog.Person // nil: it is an event
	mended []error         // what was changed of its detections
	raw    []byte          // kept for --rejects alone
	bad    error
}

// A lineError says which line of the input is bad, and why.
type lineError struct {
	number int
	err    error
}

func (e lineError) Error() string { return fmt.Sprintf("line %d: %s", e.number, reason(e.err)) }
func (e lineError) Unwrap() error { return e.err }

// A batch of lines. The one that holds the end of the input, or what broke it
// off, is the last.
type batch struct {
	good, bad []inputLine
	bytes     int64
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
}

func (im *importer) run(ctx context.Context, in io.Reader) error {
	// A read of a terminal or a pipe cannot be called off: the goroutine may
	// stay in one, and lets go of its batch when that returns.
	reading, stop := context.WithCancel(ctx)
	defer stop()
	batches := make(chan batch)
	go im.read(reading, newLineReader(in), batches)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-batches:
			if err := im.take(ctx, b); err != nil {
				return err
			}
			if errors.Is(b.end, io.EOF) {
				return nil
			}
			if b.end != nil {
				return b.end
			}
		}
	}
}

// read sends the lines of the input, batch by batch. A batch goes when it is
// full, and when the next line is not there yet: it may be long in coming.
func (im *importer) read(ctx context.Context, lines *lineReader, to chan<- batch) {
	var b batch
	var sent int64
	for b.end == nil {
		raw, err := lines.next()
		switch {
		case err == nil && len(raw) == 0:
		case err == nil || errors.Is(err, errLongLine):
			im.decode(&b, lines.number, raw, err)
		case errors.Is(err, io.EOF):
			b.end = io.EOF
		default:
			b.end = fmt.Errorf("after line %d: %w", lines.number-1, err)
		}
		b.bytes = lines.read - sent
		count := len(b.good) + len(b.bad)
		if b.end == nil && count < batchLines && b.bytes < batchBytes && (count == 0 || !lines.waiting()) {
			continue
		}
		select {
		case to <- b:
		case <-ctx.Done():
			return
		}
		sent = lines.read
		b = batch{end: b.end}
	}
}

// decode puts a line into the batch; a bad one ends it unless there is a place for rejects.
func (im *importer) decode(b *batch, number int, raw []byte, err error) {
	line := inputLine{number: number}
	if err == nil {
		if isPerson(raw) {
			line.person, err = unmarshalPerson(raw)
		} else {
			line.mended, err = im.unmarshal(raw, &line.event)
		}
	}
	if err != nil && number == 1 {
		err = cmp.Or(noText(raw), err)
	}
	if im.rejects != nil {
		line.raw = slices.Clone(raw)
	}
	switch {
	case err == nil:
		b.good = append(b.good, line)
	case im.rejects != nil:
		line.bad = err
		b.bad = append(b.bad, line)
	default:
		b.end = lineError{number, err}
	}
}

// noText says what the beginning of an input is that holds no lines of text, as
// far as that is known.
func noText(raw []byte) error {
	switch {
	case bytes.HasPrefix(raw, []byte("\x1f\x8b")):
		return errors.New("is gzip: unpack it first, as in: zcat FILE | doorlog import -")
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return errors.New("is UTF-16: the lines must be UTF-8")
	}
	return nil
}

func (im *importer) unmarshal(raw []byte, e *doorlog.Event) (mended []error, err error) {
	if im.mend {
		if err = json.Unmarshal(raw, new(json.RawMessage)); err == nil {
			mended, err = e.UnmarshalMending(raw)
		}
	} else {
		err = json.Unmarshal(raw, e)
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		err = fmt.Errorf("is not JSON: %w", err)
	}
	return mended, err
}

// isPerson reports whether a line is that of a person, as export writes it: its
// first field says so, which no event has.
func isPerson(raw []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(raw, " \t"), []byte("{"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte(`"person"`))
}

func unmarshalPerson(raw []byte) (*doorlog.Person, error) {
	var line personLine
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(&line)
	if _, ok := errors.AsType[*json.SyntaxError](err); ok || errors.Is(err, io.ErrUnexpectedEOF) || err == nil && dec.More() {
		return nil, fmt.Errorf("is not JSON: %w", cmp.Or(err, errors.New("something follows the object")))
	}
	if err == nil && line.Person == nil {
		err = errors.New("person: is missing")
	}
	return line.Person, err
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
			return nil, lineError{line.number, err}
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
	slices.SortFunc(bad, func(a, b inputLine) int { return a.number - b.number })
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
				fmt.Fprintf(im.errOut, "doorlog: mended %s\n", printable(lineError{line.number, change}.Error()))
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
		return nil, lineError{lines[0].number, err}
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
		_, existed, err = im.st.WriteEventsOnce(ctx, events)
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

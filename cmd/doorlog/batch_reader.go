package main

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/jsoninput"
)

// The most that a batch holds. One transaction writes it. Lines may be long, so the bytes
// are limited too.
const (
	batchLines = 4000
	batchBytes = 8 << 20
)

// A batch is a number of values of the input.
type batch struct {
	good, bad []inputLine
	bytes     int64
	foreign   error // what the input seems to be, if its first value is not for import
	end       error // of the last batch: io.EOF, a bad value, or a failure to read
}

// A batchReader reads the input of import and decodes it, in a goroutine of its own.
type batchReader struct {
	mend  bool // mend detections
	goOn  bool // after a bad value, of which it keeps the text; else it ends the input
	begun bool // there has been a value
	out   chan batch
}

// start begins to read, until ctx ends, and returns the first batch. It returns an error if
// the input is not for import.
func (r *batchReader) start(ctx context.Context, in io.Reader) (first batch, err error) {
	r.out = make(chan batch)
	// Reading a terminal or a pipe cannot be cancelled. If ctx ends meanwhile, the goroutine
	// ends when the read returns, and drops what it has read.
	go func() {
		from, err := jsoninput.New(in)
		if err == nil {
			r.read(ctx, from)
			return
		}
		select {
		case r.out <- batch{end: err}:
		case <-ctx.Done():
		}
	}()
	first, err = r.next(ctx)
	if _, foreign := errors.AsType[jsoninput.ForeignError](first.end); foreign && len(first.good) == 0 {
		return first, first.end
	}
	return first, err
}

// next waits for the next batch.
func (r *batchReader) next(ctx context.Context) (batch, error) {
	select {
	case <-ctx.Done():
		return batch{}, ctx.Err()
	case b := <-r.out:
		return b, nil
	}
}

// read reads and sends the batches. It sends one when it is full, and also when the next
// value has yet to come from the input, which may take long.
func (r *batchReader) read(ctx context.Context, from *jsoninput.Reader) {
	var b batch
	var sent int64
	for b.end == nil {
		raw, err := from.Next()
		switch {
		case err == nil && len(raw) == 0:
		case err == nil || errors.Is(err, jsoninput.ErrTooLong):
			r.add(&b, from.At(), raw, err)
		case errors.Is(err, io.EOF):
			b.end = io.EOF
		default:
			b.end = err
		}
		b.bytes = from.Taken() - sent
		count := len(b.good) + len(b.bad)
		if b.end == nil && count < batchLines && b.bytes < batchBytes && (count == 0 || !from.Waiting()) {
			continue
		}
		select {
		case r.out <- b:
		case <-ctx.Done():
			return
		}
		sent = from.Taken()
		b = batch{end: b.end}
	}
}

// add decodes a value and adds it to the batch, or the error with which it was read.
func (r *batchReader) add(b *batch, at jsoninput.Place, raw []byte, err error) {
	line := inputLine{place: at}
	tooLong := err != nil
	if !tooLong {
		line, err = decodeLine(at, raw, r.mend)
	}
	var foreign error
	if !r.begun && !tooLong && (err != nil || line.person == nil) {
		foreign = foreignJSON(raw)
		err = cmp.Or(foreign, err)
	}
	r.begun = true
	b.foreign = cmp.Or(b.foreign, foreign)
	if r.goOn {
		line.raw = oneLine(raw)
	}
	switch {
	case foreign != nil && (!r.goOn || at.Item == 1):
		b.end = foreign
	case err == nil:
		b.good = append(b.good, line)
	case r.goOn:
		line.bad = err
		b.bad = append(b.bad, line)
	default:
		b.end = lineError{at, err}
	}
}

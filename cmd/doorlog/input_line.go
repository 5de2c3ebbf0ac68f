package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/jsoninput"
)

// An inputLine is one value of the input of import: an event or a person, or what is wrong
// with it. Most inputs have one value on each line.
type inputLine struct {
	place  jsoninput.Place
	event  doorlog.Event
	person *doorlog.Person // nil: it is an event
	mended []error         // changes to its detections
	raw    []byte          // only for --rejects
	bad    error
}

// A lineError says which value of the input is bad, and why.
type lineError struct {
	place jsoninput.Place
	err   error
}

func (e lineError) Error() string { return e.place.String() + ": " + reason(e.err) }
func (e lineError) Unwrap() error { return e.err }

// decodeLine decodes a value. With mend, detections that cannot be stored are mended.
func decodeLine(place jsoninput.Place, raw []byte, mend bool) (line inputLine, err error) {
	line.place = place
	if isPerson(raw) {
		line.person, err = decodePerson(raw)
	} else {
		line.mended, err = decodeEvent(raw, &line.event, mend)
	}
	return line, err
}

func decodeEvent(raw []byte, e *doorlog.Event, mend bool) (mended []error, err error) {
	if mend {
		if err = json.Unmarshal(raw, new(json.RawMessage)); err == nil {
			mended, err = e.UnmarshalMending(raw)
		}
	} else {
		err = json.Unmarshal(raw, e)
	}
	return mended, explainSyntax(err)
}

// isPerson reports whether a value is a person, as export and "persons list" write it. Its
// first field tells: no event has it.
func isPerson(raw []byte) bool {
	switch jsoninput.FirstField(raw) {
	case "person", "name", "display_name", "auto_unlock":
		return true
	}
	return false
}

// decodePerson decodes a person, or an object whose only field is a person.
func decodePerson(raw []byte) (*doorlog.Person, error) {
	p := new(doorlog.Person)
	if jsoninput.FirstField(raw) != "person" {
		return p, explainSyntax(json.Unmarshal(raw, p))
	}
	if err := json.Unmarshal(raw, new(json.RawMessage)); err != nil {
		return nil, explainSyntax(err)
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

// explainSyntax adds to an error of JSON's syntax that this is what it is.
func explainSyntax(err error) error {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("is not JSON: %w", err)
	}
	return err
}

// foreignJSON says what the first value of an input is if nothing in it is of an event or of
// a person. It returns nil if something is.
func foreignJSON(raw []byte) error {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil //nolint:nilerr // decoding it will tell
	}
	fields, isObject := v.(map[string]any)
	if !isObject {
		return jsoninput.ForeignError("is JSON, but no objects" + jsoninput.Wanted)
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
		return jsoninput.ForeignError("is JSON with an empty object" + jsoninput.Wanted)
	}
	const shown = 8
	if len(names) > shown {
		names = append(names[:shown], "…")
	}
	return jsoninput.ForeignError("is JSON with the fields " + strings.Join(names, ", ") + jsoninput.Wanted)
}

// oneLine returns a copy of a value, on one line if it is JSON.
func oneLine(raw []byte) []byte {
	var line bytes.Buffer
	if bytes.ContainsRune(raw, '\n') && json.Compact(&line, raw) == nil {
		return line.Bytes()
	}
	return slices.Clone(raw)
}

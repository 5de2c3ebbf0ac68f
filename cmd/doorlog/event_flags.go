package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorlog/doorlog"
)

// maxAhead is how far a time may be ahead of the clock: the default of doorlog.Options.
const maxAhead = 24 * time.Hour

// parseAt parses the time of an event. It refuses times that the store would refuse.
func parseAt(text string, now time.Time) (time.Time, error) {
	at, err := parseTime(text, nil)
	switch {
	case err != nil:
		return at, misuse("--at %q is not a time with an offset, such as 2026-02-25T08:30:00+01:00", text)
	case at.Before(time.Unix(0, 0)):
		return at, misuse("--at %s is before 1970", text)
	case at.After(now.Add(maxAhead)):
		return at, misuse("--at %s is more than 24 hours ahead of the clock", text)
	}
	return at, nil
}

// parseEnd parses the end of an event. The store compares it with the beginning.
func parseEnd(text string, now time.Time) (time.Time, error) {
	ended, err := parseTime(text, nil)
	switch {
	case err != nil:
		return ended, misuse("--ended-at %q is not a time with an offset, such as 2026-02-25T08:31:00+01:00", text)
	case ended.After(now.Add(maxAhead)):
		return ended, misuse("--ended-at %s is more than 24 hours ahead of the clock", text)
	}
	return ended, nil
}

// parseDetection parses label:confidence[:x1,y1,x2,y2], from the right, because a label may
// contain a colon. With mend it accepts values that cannot be stored.
func parseDetection(text string, mend bool) (doorlog.Detection, error) {
	wrong := misuse("--detection %q is not label:confidence or label:confidence:x1,y1,x2,y2", text)
	head, tail, found := cutLast(text, ":")
	var box *doorlog.Box
	if sides := strings.Split(tail, ","); found && len(sides) > 1 {
		var v [4]float64
		if len(sides) != len(v) {
			return doorlog.Detection{}, wrong
		}
		for i, side := range sides {
			var err error
			if v[i], err = strconv.ParseFloat(side, 64); err != nil {
				return doorlog.Detection{}, wrong
			}
		}
		if !mend && (!(v[0] <= v[2] && v[1] <= v[3]) || slices.ContainsFunc(v[:], func(side float64) bool { return math.IsInf(side, 0) })) {
			return doorlog.Detection{}, misuse("--detection %q: its corners are not in the order x1,y1,x2,y2", text)
		}
		box = &doorlog.Box{X1: v[0], Y1: v[1], X2: v[2], Y2: v[3]}
		head, tail, found = cutLast(head, ":")
	}
	confidence, err := strconv.ParseFloat(tail, 64)
	if !found || err != nil || head == "" && !mend {
		return doorlog.Detection{}, wrong
	}
	if !mend && !isConfidence(confidence) {
		return doorlog.Detection{}, misuse("--detection %q: the confidence %v is not in 0..1", text, confidence)
	}
	return doorlog.Detection{Label: head, Confidence: confidence, Box: box}, nil
}

// cutLast is [strings.Cut] at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// parseAttributes parses texts of the form name=value.
func parseAttributes(texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	attributes := make(map[string]string, len(texts))
	for _, text := range texts {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return nil, misuse("--attribute %q is not name=value", text)
		}
		if _, twice := attributes[name]; twice {
			return nil, misuse("--attribute %s is given twice", name)
		}
		attributes[name] = value
	}
	return attributes, nil
}

func isConfidence(v float64) bool { return v >= 0 && v <= 1 }

// parseDoor parses the value of --door.
func parseDoor(text string) (doorlog.DoorAction, error) {
	action, err := doorlog.ParseDoorAction(text)
	if err != nil {
		return action, misuse("--door %q is none of %s", text, strings.Join(doors, ", "))
	}
	return action, nil
}

// doors are the actions of a door, and methods the usual methods.
var (
	doors = textsOf(doorlog.NoAction, doorlog.Unlocked, doorlog.Locked, doorlog.Opened, doorlog.Closed, doorlog.Jammed, doorlog.Failed)

	methods = []string{
		string(doorlog.MethodFace), string(doorlog.MethodKeypad), string(doorlog.MethodKey),
		string(doorlog.MethodApp), string(doorlog.MethodAuto), string(doorlog.MethodManual),
	}
)

func textsOf(actions ...doorlog.DoorAction) (texts []string) {
	for _, action := range actions {
		texts = append(texts, action.String())
	}
	return texts
}

const (
	doorUsage   = "what the door did: the `action` none, unlocked, locked, opened, closed, jammed or failed"
	methodUsage = "how the door was worked: face, keypad, key, app, auto, manual, or any other `name`"
	endUsage    = "when it ended, a `TIME` with an offset, or in unix seconds or milliseconds"
)

package web

import (
	"fmt"

	"github.com/doorlog/doorlog"
)

// Limits of one JSON document. It is measured before anything is made of it: an event takes hundreds of
// times the length of {} in memory, and a patch is read once for each level of what is nested in it.
const (
	maxDepth    = 32                 // of lists and objects in each other: an event needs 4
	maxElements = 2 << 20            // of all lists and objects: 10,000 events with 20 detections each have fewer
	maxEvents   = doorlog.MaxUpdates // of a list: they are one transaction, for which other writes wait
)

// measure returns an error if a JSON document, which need not be well formed, is beyond one of the limits.
func measure(data []byte) error {
	var isList [maxDepth + 1]bool // by depth
	depth, elements, events := 0, 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			if depth == maxDepth {
				return tooMuch("is nested more than %d deep", maxDepth)
			}
			if depth <= 2 && isList[depth] { // a list of events, which may be in an object
				events++
			}
			depth++
			isList[depth] = data[i] == '['
		case ']', '}':
			depth = max(0, depth-1)
		case ',':
			elements++
		}
		if events > maxEvents {
			return tooMuch("has a list of more than %d: send JSON lines, or several lists", maxEvents)
		}
	}
	if elements > maxElements {
		return tooMuch("has more than %d elements", maxElements)
	}
	return nil
}

func tooMuch(format string, args ...any) error {
	return &doorlog.FieldError{Field: "json", Problem: fmt.Sprintf(format, args...), TooLarge: true}
}

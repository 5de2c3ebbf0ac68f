package main

import (
	"fmt"
	"strings"
)

// An importSummary says what an import did.
type importSummary struct {
	Imported int     `json:"imported"` // written now
	Existed  int     `json:"existed"`  // skipped: the store had them
	Rejected int     `json:"rejected"`
	Persons  int     `json:"persons"` // stored now, or unchanged
	Mended   int     `json:"mended"`  // changes to detections
	Seconds  float64 `json:"seconds"`
}

// String returns, for instance,
// "imported 1,234 events (12 were there already, 3 rejected) in 0.8 s, 1,542/s".
func (s importSummary) String() string {
	var notes []string
	if s.Existed > 0 {
		notes = append(notes, count(s.Existed)+wereThere(s.Existed))
	}
	if s.Rejected > 0 {
		notes = append(notes, count(s.Rejected)+" rejected")
	}
	if s.Mended > 0 {
		notes = append(notes, plural(s.Mended, "detection")+" mended")
	}
	text := "imported " + plural(s.Imported, "event")
	if s.Persons > 0 {
		text += " and " + plural(s.Persons, "person")
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	text += fmt.Sprintf(" in %.1f s", s.Seconds)
	if s.Imported > 0 && s.Seconds > 0 {
		text += fmt.Sprintf(", %s/s", count(int(float64(s.Imported)/s.Seconds)))
	}
	return text
}

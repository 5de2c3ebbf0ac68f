package zone_test

import (
	"testing"
	"time"

	"github.com/doorlog/doorlog/internal/zone"
)

func TestNamesAndRulesAreZones(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"UTC": "12:00 UTC", "Europe/Berlin": "14:00 CEST", "CET-1CEST,M3.5.0,M10.5.0/3": "14:00 CEST",
		"<+0545>-5:45": "17:45 +0545", "EST5": "07:00 EST",
	} {
		loc, err := zone.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := at.In(loc).Format("15:04 MST"); got != want || loc.String() != text {
			t.Errorf("%q: it is %s in %q, want %s", text, got, loc, want)
		}
	}
	for _, text := range []string{"", "Local", "Europe/Atlantis", "../../etc/passwd", "CET-99", "CET-1CEST,M13.5.0,M10.5.0", "AB1", "\x00", "CET-24"} {
		if loc, err := zone.Parse(text); err == nil {
			t.Errorf("%q is %v", text, loc)
		}
	}
}

// time.Local is given the name of TZ, or UTC if TZ is empty. These are names like any other.
func TestTheNameOfLocalTimeIsAName(t *testing.T) {
	was := *time.Local
	defer func() { *time.Local = was }()
	for _, name := range []string{"Europe/Berlin", "UTC"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		*time.Local = *loc
		if _, err := zone.Named(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

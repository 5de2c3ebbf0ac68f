package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog/internal/zone"
)

// What is wanted is what the C library says: TZ=… date -d … '+%F %T %Z %z'.
func TestAZoneMayBeARule(t *testing.T) {
	const layout = "2006-01-02 15:04:05 MST -0700"
	for _, test := range []struct{ zone, at, want string }{
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-01T22:30:00Z", "2026-07-02 00:30:00 CEST +0200"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-01-01T22:30:00Z", "2026-01-01 23:30:00 CET +0100"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", "2026-03-29 01:59:59 CET +0100"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", "2026-03-29 03:00:00 CEST +0200"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", "2026-10-25 02:59:59 CEST +0200"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", "2026-10-25 02:00:00 CET +0100"},
		{"EST5EDT,M3.2.0,M11.1.0", "2026-07-01T22:30:00Z", "2026-07-01 18:30:00 EDT -0400"},
		{"EST5EDT", "2026-01-01T22:30:00Z", "2026-01-01 17:30:00 EST -0500"},
		{"<+0330>-3:30", "2026-07-01T22:30:00Z", "2026-07-02 02:00:00 +0330 +0330"},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T22:30:00Z", "2026-01-02 09:30:00 AEDT +1100"},
		{"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-07-01T22:30:00Z", "2026-07-02 08:30:00 AEST +1000"},
		{"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "2026-07-01T22:30:00Z", "2026-07-01 20:30:00 -02 -0200"},
		{"JST-9", "2026-07-01T22:30:00Z", "2026-07-02 07:30:00 JST +0900"},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T22:30:00Z", "2026-07-01 23:30:00 IST +0100"},
		{"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T22:30:00Z", "2026-01-01 22:30:00 GMT +0000"},
		{"XST3XDT,J60/2,J300/2", "2024-02-29T12:00:00Z", "2024-02-29 09:00:00 XST -0300"}, // J60 is 1 March in a leap year, too
		{"XST3XDT,J60/2,J300/2", "2024-03-01T12:00:00Z", "2024-03-01 10:00:00 XDT -0200"},
		{"XST3XDT,59/2,300/2", "2024-02-29T12:00:00Z", "2024-02-29 10:00:00 XDT -0200"},
		{"UTC0", "2026-07-01T22:30:00Z", "2026-07-01 22:30:00 UTC +0000"},
		{":Europe/Berlin", "2026-07-01T22:30:00Z", "2026-07-02 00:30:00 CEST +0200"},
		{"", "2026-07-01T22:30:00Z", "2026-07-01 22:30:00 UTC +0000"},
		{":", "2026-07-01T22:30:00Z", "2026-07-01 22:30:00 UTC +0000"},
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("TZ", test.zone)
		var errOut bytes.Buffer
		loc, err := (&app{err: &errOut}).location()
		if err != nil || errOut.Len() > 0 {
			t.Fatalf("TZ=%s: %v, %s", test.zone, err, &errOut)
		}
		if got := at.In(loc).Format(layout); got != test.want {
			t.Errorf("TZ=%s: %s, want %s", test.zone, got, test.want)
		}
		if test.zone == "" || test.zone == ":" {
			continue // --tz must name one
		}
		if loc, err = (&app{flags: flags{zone: test.zone}}).location(); err != nil || at.In(loc).Format(layout) != test.want {
			t.Errorf("--tz %s: %v", test.zone, err)
		}
	}
}

func TestAZoneMayBeAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, zone.FileOfRule("CET-1CEST,M3.5.0,M10.5.0/3"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, ":" + file} {
		t.Setenv("TZ", name)
		loc, err := (&app{err: &bytes.Buffer{}}).location()
		if err != nil || noon.In(loc).Format("15:04 MST") != "13:00 CET" {
			t.Errorf("TZ=%s: %v in %v", name, err, loc)
		}
	}
}

func TestAZoneThatIsNotUnderstoodIsSaidOnce(t *testing.T) {
	for _, name := range []string{
		"Nowhere/Here", "Local", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0 ", "5", "<CET", "<>5",
		"/nowhere/zone", ":/etc/passwd", t.TempDir(), "CET-1CEST,M3.5.0,M10.5.0\x00", strings.Repeat("x", 300), "../../etc/localtime", "JST-9,x", "A B-1", "XXX-100", "XXX24", "XXX0YYY-25",
	} {
		if strings.Contains(name, "\x00") { // which no variable holds
			if _, err := parseZone(name); err == nil {
				t.Errorf("%q is taken", name)
			}
			continue
		}
		t.Setenv("TZ", name)
		var errOut bytes.Buffer
		a := &app{err: &errOut}
		for range 2 {
			if loc, err := a.location(); err != nil || loc != time.UTC {
				t.Errorf("TZ=%s: %v, %v", name, loc, err)
			}
		}
		if got := errOut.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "time zone is not understood") {
			t.Errorf("TZ=%s: it says %q", name, got)
		}
		if name == "Local" {
			continue // --tz Local is what TZ says
		}
		if _, err := (&app{flags: flags{zone: name}}).location(); !isMisuse(err) {
			t.Errorf("--tz %s: %v", name, err)
		}
	}
}

// In the zone of a rule each day begins at its midnight, in summer and in winter.
func TestDaysOfARuleFollowOneAnother(t *testing.T) {
	for _, rule := range []string{"CET-1CEST,M3.5.0,M10.5.0/3", "AEST-10AEDT,M10.1.0,M4.1.0/3", "EST5EDT,M3.2.0,M11.1.0", "<+0330>-3:30"} {
		loc, err := parseZone(rule)
		if err != nil {
			t.Fatal(err)
		}
		date := time.Date(2023, 12, 1, 0, 0, 0, 0, time.UTC)
		for begin := startOfDay(date, loc); date.Year() < 2026; {
			date = date.AddDate(0, 0, 1)
			end := startOfDay(date, loc)
			if length := end.Sub(begin); length < 23*time.Hour || length > 25*time.Hour || end.In(loc).Format(time.DateTime) != date.Format(time.DateTime) {
				t.Fatalf("%s: %s begins at %s, %s after the day before", rule, date.Format(time.DateOnly), end, length)
			}
			begin = end
		}
	}
}

package main

import (
	"testing"
	"time"
)

func zoneOf(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func TestParseMoment(t *testing.T) {
	for _, test := range []struct{ in, zone, want string }{
		{"2026-02-25T07:30:00Z", "Europe/Berlin", "2026-02-25T07:30:00Z"},
		{"2026-02-25T07:30:00.000000001+01:00", "UTC", "2026-02-25T06:30:00.000000001Z"},
		{"2026-02-25T08:30", "Europe/Berlin", "2026-02-25T07:30:00Z"},
		{"2026-02-25 08:30:00", "Europe/Berlin", "2026-02-25T07:30:00Z"},
		{"2026-02-25 08:30:00 +0100", "UTC", "2026-02-25T07:30:00Z"},
		{"1772004600", "Europe/Berlin", "2026-02-25T07:30:00Z"},
		{"2026-02-25", "UTC", "2026-02-25T00:00:00Z"},
		{"2026-02-25", "Europe/Berlin", "2026-02-24T23:00:00Z"},
		{"2026-02-25", "Asia/Kathmandu", "2026-02-24T18:15:00Z"},
		{"2026-07-01", "Europe/Berlin", "2026-06-30T22:00:00Z"},
		{"36h", "UTC", "2026-02-24T00:00:00Z"},
		{"7d", "Europe/Berlin", "2026-02-18T12:00:00Z"},
		{"2w", "UTC", "2026-02-11T12:00:00Z"},
		{"1w2d3h4m5s", "UTC", "2026-02-16T08:55:55Z"},
		{"1y", "UTC", "2025-02-25T12:00:00Z"},
		{"0h", "UTC", "2026-02-25T12:00:00Z"},
		{"100000d", "UTC", "1970-01-01T00:00:00Z"}, // nothing is older
		{"0001-01-01", "UTC", "1970-01-01T00:00:00Z"},
	} {
		got, ok := parseMoment(test.in, noon, zoneOf(t, test.zone))
		if text := got.UTC().Format(time.RFC3339Nano); !ok || text != test.want {
			t.Errorf("%s in %s: %s, %v, want %s", test.in, test.zone, text, ok, test.want)
		}
	}
	for _, in := range []string{
		"", "d", "7", "7x", "-7d", "7 d", "7.5d", "7dd", "d7", "7D", "99999999999999999999d", "106752d", "100000d100000d",
		"yesterday", "2026-02", "2026-02-30", "2026-2-5", "26-02-25", "2026-02-25T07", "20260225", "2026022", "٣d",
	} {
		if got, ok := parseMoment(in, noon, time.UTC); ok {
			t.Errorf("%q is %s", in, got)
		}
	}
}

// If the clock changes at midnight, a day begins at another hour or has two midnights.
func TestADayBeginsWithItsFirstMoment(t *testing.T) {
	for _, test := range []struct{ date, zone, want string }{
		{"2018-11-04", "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"}, // there is no 0:00
		{"2018-02-18", "America/Sao_Paulo", "2018-02-18T00:00:00-03:00"}, // 23:00 comes twice, the day before
		{"2025-11-02", "America/Havana", "2025-11-02T00:00:00-04:00"},    // 0:00 comes twice
		{"2026-03-08", "America/Havana", "2026-03-08T01:00:00-04:00"},
		{"2025-10-26", "Atlantic/Azores", "2025-10-26T00:00:00Z"}, // 0:00 comes twice
		{"2026-03-29", "Europe/Berlin", "2026-03-29T00:00:00+01:00"},
		{"2025-10-26", "Europe/Berlin", "2025-10-26T00:00:00+02:00"},
		{"2011-12-30", "Pacific/Apia", "2011-12-31T00:00:00+14:00"}, // there was no such day
		{"2026-04-05", "Australia/Lord_Howe", "2026-04-05T00:00:00+11:00"},
	} {
		date, err := time.Parse(time.DateOnly, test.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := startOfDay(date, zoneOf(t, test.zone)).Format(time.RFC3339); got != test.want {
			t.Errorf("%s in %s begins at %s, want %s", test.date, test.zone, got, test.want)
		}
	}
}

// A day ends where the next one begins.
func TestDaysDoNotOverlap(t *testing.T) {
	for _, name := range []string{"America/Sao_Paulo", "America/Havana", "Atlantic/Azores", "Asia/Beirut", "Africa/Cairo", "Asia/Tehran"} {
		loc := zoneOf(t, name)
		date := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
		begin := startOfDay(date, loc)
		for date.Year() < 2019 {
			date = date.AddDate(0, 0, 1)
			end := startOfDay(date, loc)
			if before := end.Add(-1).In(loc).Format(time.DateOnly); before >= end.In(loc).Format(time.DateOnly) || end.Sub(begin) > 25*time.Hour {
				t.Fatalf("%s: %s begins at %s, and just before it is %s", name, date.Format(time.DateOnly), end, before)
			}
			begin = end
		}
	}
}

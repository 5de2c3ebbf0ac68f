package doorlog_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// half past seven in the morning, in Greenwich
var breakfast = time.Date(2026, 2, 25, 7, 30, 0, 0, time.UTC)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	return loc
}

func TestTimesAreReadAsProducersWriteThem(t *testing.T) {
	loc := berlin(t)
	for text, want := range map[string]time.Time{
		"2026-02-25T07:30:00Z":                breakfast,
		"2026-02-25t07:30:00z":                breakfast,
		"2026-02-25 07:30:00z":                breakfast,
		"2026-02-25T08:30:00+01:00":           breakfast,
		"2026-02-25T08:30:00+0100":            breakfast,
		"2026-02-25 08:30:00+01":              breakfast,
		"2026-02-25 08:30:00 +0100":           breakfast,
		"2026-02-25T13:15:00+05:45":           breakfast,
		"2026-02-25T07:30:00-00:00":           breakfast,
		"2026-02-24T23:30:00-08":              breakfast,
		"2026-02-25 07:30:00 UTC":             breakfast,
		"2026-02-25T07:30Z":                   breakfast,
		"2026-02-25T08:30+01:00":              breakfast,
		"2026-02-25T08:30:00,123456789+01:00": breakfast.Add(123456789),
		"2026-02-25T07:30:00.1Z":              breakfast.Add(time.Second / 10),
		"2026-02-25T07:30:00.12345678999Z":    breakfast.Add(123456789),
		"2016-12-31T23:59:60Z":                time.Date(2016, 12, 31, 23, 59, 59, 999999999, time.UTC),
		"2017-01-01T00:59:60.25+01:00":        time.Date(2016, 12, 31, 23, 59, 59, 999999999, time.UTC),
		"1772004600":                          breakfast,
		"1772004600.123":                      breakfast.Add(123 * time.Millisecond),
		"1772004600123":                       breakfast.Add(123 * time.Millisecond),
		"1772004600123.25":                    breakfast.Add(123250 * time.Microsecond),
		"1772004600123456":                    breakfast.Add(123456 * time.Microsecond),
		"1772004600123456789":                 breakfast.Add(123456789),
		"0":                                   time.Unix(0, 0).UTC(),
		"59":                                  time.Unix(59, 0).UTC(),
		"100000000.5":                         time.Unix(100000000, 5e8).UTC(),
		"-100000000.5":                        time.Unix(-100000001, 5e8).UTC(),
		"99999999999":                         time.Unix(99999999999, 0).UTC(),
		"100000000000":                        time.Unix(100000000, 0).UTC(),
		"2026-02-25T08:30:00":                 breakfast, // in Berlin
		"2026-02-25 08:30":                    breakfast,
		"2026-03-29T03:00:00":                 time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC),
		"2026-03-29T01:59:59":                 time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC),
		"2026-10-25T01:59:59":                 time.Date(2026, 10, 24, 23, 59, 59, 0, time.UTC),
		"2026-10-25T03:00:00":                 time.Date(2026, 10, 25, 2, 0, 0, 0, time.UTC),
		"0001-01-01T00:00:00Z":                {},
		"9999-12-31T23:59:59.999999999Z":      time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	} {
		got, err := doorlog.ParseTime(text, loc)
		if err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestTimesThatCannotBeAreRefused(t *testing.T) {
	loc := berlin(t)
	for text, problem := range map[string]string{
		"":                           "is not a time",
		"yesterday":                  "is not a time",
		"2026-02-25":                 "is not a time",
		"2026-02-25T":                "is not a time",
		"2026-02-25T07":              "is not a time",
		"2026-2-25T07:30:00Z":        "is not a time",
		"2026-02-25T07:30:00.Z":      "is not a time",
		"2026-02-25T07:30:00Zx":      "is not a time",
		"2026-02-25T07:30:00 CET":    "is not a time",
		"2026-02-25T07:30:00+1":      "is not a time",
		"2026-02-25T07:30:00+24:00":  "is not a time",
		"2026-02-25T07:30:00+01:60":  "is not a time",
		"2026-02-25T07:30:00+01:00:": "is not a time",
		"2026-02-25T24:00:00Z":       "is no time of any day",
		"2026-02-25T07:60:00Z":       "is no time of any day",
		"2026-02-25T07:30:61Z":       "is no time of any day",
		"2026-02-29T07:30:00Z":       "is no time of any day",
		"2026-00-10T07:30:00Z":       "is no time of any day",
		"2026-02-25T07:30:60Z":       "is a leap second",
		"2026-02-25T23:59:60Z":       "is a leap second",
		"2016-12-31T23:59:60+01:00":  "is a leap second",
		"0000-01-01T00:00:00+01:00":  "is not a time",
		"9999-12-31T23:59:59-01:00":  "is not a time",
		"2026-03-29T02:30:00":        "does not come in Europe/Berlin",
		"2026-10-25T02:30:00":        "comes twice in Europe/Berlin",
		"20260225":                   "is a date, or a number",
		"202602250730":               "is a date, or a number",
		"20260225073000":             "is a date, or a number",
		"99999999999999999999":       "is too large",
		"1.2.3":                      "is not a time",
		".5":                         "is not a time",
		"-":                          "is not a time",
		"--1":                        "is not a time",
		"1e9":                        "is not a time",
		"2460731.8125":               "it may count days", // since 4713 BC
		"46078.3":                    "it may count days", // since 1900
		"46078.0":                    "it may count days",
		"-1.5":                       "it may count days",
		"00046078.5":                 "it may count days",
		"99999999.9":                 "it may count days",
	} {
		_, err := doorlog.ParseTime(text, loc)
		wantError(t, err, doorlog.ErrInvalid, problem)
	}
	_, err := doorlog.ParseTime("2026-02-25T07:30:00", nil)
	wantError(t, err, doorlog.ErrInvalid, "has no offset from UTC")
}

func TestTimesOfJSONAreTextOrNumbers(t *testing.T) {
	for text, want := range map[string]time.Time{
		`1772004600`:            breakfast,
		`1772004600.123`:        breakfast.Add(123 * time.Millisecond),
		`1772004600123`:         breakfast.Add(123 * time.Millisecond),
		`1.7720046e9`:           breakfast,
		`1.7720046E+12`:         breakfast,
		`"1772004600.5"`:        breakfast.Add(time.Second / 2),
		`"2026-02-25T07:30:00"`: breakfast,
		`""`:                    {},
		`null`:                  {},
	} {
		var e doorlog.Event
		if err := json.Unmarshal([]byte(`{"recorded_at":`+text+`,"created_at":`+text+`}`), &e); err != nil || !e.RecordedAt.Equal(want) || !e.CreatedAt.Equal(want) {
			t.Errorf("%s: %v, %v, %v; want %v", text, e.RecordedAt, e.CreatedAt, err, want)
		}
	}
	for _, text := range []string{`true`, `{}`, `[1]`, `20260225`, `1e400`, `1e30`, `-1e999999999`, `"\ud83d"`} {
		for _, field := range []string{"recorded_at", "created_at"} {
			var e doorlog.Event
			wantError(t, json.Unmarshal([]byte(`{"`+field+`":`+text+`}`), &e), doorlog.ErrInvalid, field+": ")
		}
	}
	var p doorlog.Person
	if err := json.Unmarshal([]byte(`{"name":"alice","created_at":"2026-02-25 08:30:00+01"}`), &p); err != nil || !p.CreatedAt.Equal(breakfast) {
		t.Errorf("%v, %v", p.CreatedAt, err)
	}
}

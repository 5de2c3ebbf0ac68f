// Package zone reads time zones: names of the time zone database, and the rules of POSIX.
package zone

import (
	"encoding/binary"
	"errors"
	"regexp"
	"time"
)

// ErrUnknown is the error for a text that is no time zone.
var ErrUnknown = errors.New("no time zone")

// Parse returns the zone of a name of the time zone database, such as Europe/Berlin, or of a rule,
// such as CET-1CEST,M3.5.0,M10.5.0/3. The result's String is the text.
func Parse(text string) (*time.Location, error) {
	if loc, ok := parsed.get(text); ok {
		return loc, nil
	}
	loc, err := Named(text)
	if err != nil {
		loc, err = OfRule(text)
	}
	if err == nil {
		parsed.put(text, loc)
	}
	return loc, err
}

// local is the name that package time has for local time.
const local = "Local"

// Named returns the zone of a name of the time zone database. "" and "Local", which package time reads as
// UTC and as its own local time, are ErrUnknown.
func Named(name string) (*time.Location, error) {
	if name == "" || name == local {
		return nil, ErrUnknown
	}
	return time.LoadLocation(name)
}

const secondsADay = 24 * 60 * 60

// OfRule returns the zone of a rule in the form of POSIX, with the extensions of RFC 9636,
// section 3.3.1. It makes a zone file without transitions: package time uses the rule at the
// end of a zone file for all times after the last transition.
func OfRule(rule string) (*time.Location, error) {
	if !ruleForm.MatchString(rule) || len(rule) > 255 {
		return nil, ErrUnknown
	}
	loc, err := time.LoadLocationFromTZData(rule, FileOfRule(rule))
	if err != nil {
		return nil, err
	}
	for _, month := range [...]time.Month{time.January, time.July} {
		name, offset := time.Date(2026, month, 1, 0, 0, 0, 0, loc).Zone()
		// If package time cannot read the rule, all times have the only type of the zone file.
		// No place is a day from UTC, and the store refuses such zones.
		if name == noRule || max(offset, -offset) >= secondsADay {
			return nil, ErrUnknown
		}
	}
	return loc, nil
}

// ruleForm matches rules, because package time accepts texts that are none. It does not check
// whether numbers are too large: OfRule does.
var ruleForm = func() *regexp.Regexp {
	const (
		name = `([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)`
		span = `[+-]?\d{1,3}(:\d\d?){0,2}`
		date = `,(J?\d{1,3}|M\d\d?\.\d\.\d)(/` + span + `)?`
	)
	return regexp.MustCompile(`^` + name + span + `(` + name + `(` + span + `)?(` + date + date + `)?)?$`)
}()

// noRule names the one type of local time that FileOfRule writes. No rule can contain this
// name.
const noRule = "?"

// FileOfRule returns a zone file of version 3 (RFC 9636, 3) with a rule, which is not checked:
//
//	header   44 bytes: "TZif", the version, 15 zero bytes, and 6 counts of 4 bytes:
//	         of UTC and of standard indicators, leap seconds, transitions, types,
//	         and characters of designations
//	type     6 bytes: offset, is daylight saving, place of the designation
//	chars    "?\0"
//	(both again, for 64 bits)
//	footer   "\n" rule "\n"
func FileOfRule(rule string) []byte {
	const types, chars = 1, len(noRule) + 1
	block := append([]byte("TZif3"), make([]byte, 15)...)
	for _, count := range [...]uint32{0, 0, 0, 0, types, uint32(chars)} {
		block = binary.BigEndian.AppendUint32(block, count)
	}
	block = append(block, make([]byte, 6)...)
	block = append(block, noRule+"\x00"...)
	return append(append(block, block...), "\n"+rule+"\n"...)
}

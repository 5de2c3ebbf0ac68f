package main

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// location returns the zone of tables, dates and hours: that of --tz, or else the local one.
// Everything that needs local time uses it.
func (a *app) location() (*time.Location, error) {
	if name := a.flags.zone; name != "" && name != "Local" {
		loc, err := parseZone(name)
		if err != nil {
			return nil, misuse("--tz %q is not a time zone such as Europe/Berlin or CET-1CEST,M3.5.0,M10.5.0/3", name)
		}
		return loc, nil
	}
	if a.local == nil {
		a.local = a.localZone()
	}
	return a.local, nil
}

// localZone returns the zone that TZ names, or else that of the system. For a TZ that it does
// not understand it logs a warning and returns UTC, as the C library does.
func (a *app) localZone() *time.Location {
	name, from := os.Getenv("TZ"), "TZ"
	if _, given := os.LookupEnv("TZ"); !given {
		if name = systemRule(); name == "" {
			return time.Local
		}
		from = systemRuleFile
	}
	if name == "" || name == ":" {
		return time.UTC
	}
	loc, err := parseZone(name)
	if err != nil {
		a.logger().Warn("time zone is not understood: times are in UTC", "variable", from, "value", name)
		return time.UTC
	}
	return loc
}

const (
	systemZoneFile = "/etc/localtime"
	systemRuleFile = "/etc/TZ" // uClibc, which routers use, keeps the zone there as a rule
)

// systemRule returns the rule of a system that has no zone file. Package time would look for
// nothing but that file.
func systemRule() string {
	if runtime.GOOS == "windows" {
		return ""
	}
	if _, err := os.Stat(systemZoneFile); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	rule, err := readZone(systemRuleFile)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(rule), "\n")
	return strings.TrimSpace(line)
}

var errNoZone = errors.New("no time zone")

// parseZone parses a zone in any form that POSIX and the C libraries allow for TZ: a name such
// as Europe/Berlin, the path of a zone file, or a rule such as CET-1CEST,M3.5.0,M10.5.0/3. A
// name and a path may begin with a colon.
func parseZone(text string) (*time.Location, error) {
	name := strings.TrimPrefix(text, ":")
	if filepath.IsAbs(name) {
		data, err := readZone(name)
		if err != nil {
			return nil, err
		}
		if name == systemZoneFile {
			name = "local time"
		}
		return time.LoadLocationFromTZData(name, data)
	}
	if name != "" && name != "Local" { // package time reads these as UTC and as its own local time
		if loc, err := time.LoadLocation(name); err == nil {
			return loc, nil
		}
	}
	return ruleZone(text)
}

// readZone reads a zone file.
func readZone(name string) ([]byte, error) {
	const most = 1 << 20 // no zone file is that large
	return readSmallFile(name, most)
}

// ruleZone returns the zone of a rule in the form of POSIX, with the extensions of RFC 9636,
// section 3.3.1. It makes a zone file without transitions: package time uses the rule at the
// end of a zone file for all times after the last transition.
func ruleZone(rule string) (*time.Location, error) {
	if !ruleForm.MatchString(rule) || len(rule) > 255 {
		return nil, errNoZone
	}
	loc, err := time.LoadLocationFromTZData(rule, zoneFile(rule))
	if err != nil {
		return nil, err
	}
	for _, month := range [...]time.Month{time.January, time.July} {
		name, offset := time.Date(2026, month, 1, 0, 0, 0, 0, loc).Zone()
		// If package time cannot read the rule, all times have the only type of the zone file.
		// No place is a day from UTC, and the store refuses such zones.
		if name == noRule || max(offset, -offset) >= hoursADay*60*60 {
			return nil, errNoZone
		}
	}
	return loc, nil
}

// ruleForm matches rules, because package time accepts texts that are none. It does not check
// whether numbers are too large: ruleZone does.
var ruleForm = func() *regexp.Regexp {
	const (
		name = `([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)`
		span = `[+-]?\d{1,3}(:\d\d?){0,2}`
		date = `,(J?\d{1,3}|M\d\d?\.\d\.\d)(/` + span + `)?`
	)
	return regexp.MustCompile(`^` + name + span + `(` + name + `(` + span + `)?(` + date + date + `)?)?$`)
}()

// noRule names the one type of local time that zoneFile writes. No rule can contain this
// name.
const noRule = "?"

// zoneFile returns a zone file of version 3 (RFC 9636, 3):
//
//	header   44 bytes: "TZif", the version, 15 zero bytes, and 6 counts of 4 bytes:
//	         of UTC and of standard indicators, leap seconds, transitions, types,
//	         and characters of designations
//	type     6 bytes: offset, is daylight saving, place of the designation
//	chars    "?\0"
//	(both again, for 64 bits)
//	footer   "\n" rule "\n"
func zoneFile(rule string) []byte {
	const types, chars = 1, len(noRule) + 1
	block := append([]byte("TZif3"), make([]byte, 15)...)
	for _, count := range [...]uint32{0, 0, 0, 0, types, uint32(chars)} {
		block = binary.BigEndian.AppendUint32(block, count)
	}
	block = append(block, make([]byte, 6)...)
	block = append(block, noRule+"\x00"...)
	return append(append(block, block...), "\n"+rule+"\n"...)
}

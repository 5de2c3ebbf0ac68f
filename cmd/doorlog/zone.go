package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/doorlog/doorlog/internal/zone"
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

// namedZone returns the zone under its name in the time zone database, if it has one there. So a cursor
// is the same for a zone that is the local one here, and in a server.
func namedZone(loc *time.Location) *time.Location {
	if name, err := zone.Name(loc); err == nil {
		if named, err := zone.Parse(name); err == nil {
			return named
		}
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
	if loc, err := zone.Named(name); err == nil {
		return loc, nil
	}
	return zone.OfRule(text)
}

// readZone reads a zone file.
func readZone(name string) ([]byte, error) {
	const most = 1 << 20 // no zone file is that large
	return readSmallFile(name, most)
}

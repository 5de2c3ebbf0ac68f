package zone

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Name returns a text for which [Parse] returns this zone, on any machine. For local time and for the
// zone of a file it looks for the name in the time zone database; for a fixed offset it makes a rule.
// The error says why there is none.
func Name(loc *time.Location) (string, error) {
	if loc == time.UTC {
		return loc.String(), nil
	}
	if name, ok := nameOf.get(loc); ok {
		return name, nil
	}
	for _, name := range candidates(loc) {
		if other, err := Parse(name); err == nil && same(loc, other) {
			nameOf.put(loc, name)
			return name, nil
		}
	}
	if !fixed(loc) {
		return "", fmt.Errorf("%.60s has no name in the time zone database: use a zone that has one (time.LoadLocation), or set TZ to its name", loc)
	}
	_, seconds := time.Unix(0, 0).In(loc).Zone()
	if max(seconds, -seconds) >= secondsADay {
		return "", fmt.Errorf("%.60s is %d s from UTC", loc, seconds)
	}
	return ruleOfOffset(seconds), nil
}

// candidates returns what may be the name of loc.
func candidates(loc *time.Location) []string {
	name := loc.String()
	switch {
	case filepath.IsAbs(name):
		return namesOfFile(name)
	case name == local || name == "local time":
		return localNames()
	}
	return []string{name}
}

// localNames returns what may be the name of the local time zone of this system.
func localNames() (names []string) {
	const (
		zoneFile = "/etc/localtime"
		nameFile = "/etc/timezone" // of Debian
	)
	if tz := strings.TrimPrefix(os.Getenv("TZ"), ":"); filepath.IsAbs(tz) {
		names = namesOfFile(tz)
	} else if tz != "" {
		names = []string{tz}
	}
	names = append(names, namesOfFile(zoneFile)...)
	if text, err := os.ReadFile(nameFile); err == nil {
		names = append(names, strings.TrimSpace(string(text)))
	}
	return append(names, "UTC")
}

// namesOfFile returns what may be the name of the zone in a file of the database, or in a symbolic
// link to one.
func namesOfFile(file string) (names []string) {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		names = namesInPath(target)
	}
	return append(names, namesInPath(file)...)
}

// namesInPath returns the part of a path that is inside of the database, if there is one.
func namesInPath(file string) []string {
	const folder = "/zoneinfo/"
	file = filepath.ToSlash(file)
	if at := strings.LastIndex(file, folder); at >= 0 {
		return []string{file[at+len(folder):]}
	}
	return nil
}

// The time in which two zones are compared. No event is older, and clocks that are set alike until its
// end follow the same rule.
var firstCompared, lastCompared = time.Date(1969, 12, 30, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)

// same reports whether the clocks of two zones always show the same time.
func same(a, b *time.Location) bool {
	for t := firstCompared; t.Before(lastCompared); {
		_, offset := t.In(a).Zone()
		_, other := t.In(b).Zone()
		if offset != other {
			return false
		}
		next := nextChange(t, a, b)
		if next.IsZero() {
			break
		}
		if !next.After(t) { // package time says so at the end of a leap year
			next = t.Add(secondsADay * time.Second)
		}
		t = next
	}
	return true
}

// nextChange returns when the clock of one of two zones is set next after t; zero: never.
func nextChange(t time.Time, a, b *time.Location) time.Time {
	_, next := t.In(a).ZoneBounds()
	_, other := t.In(b).ZoneBounds()
	if next.IsZero() || !other.IsZero() && other.Before(next) {
		return other
	}
	return next
}

// fixed reports whether the clock of a zone is never set.
func fixed(loc *time.Location) bool {
	from, until := time.Unix(0, 0).In(loc).ZoneBounds()
	return from.IsZero() && until.IsZero()
}

// ruleOfOffset returns the rule of a zone so many seconds east of UTC. In a rule west is positive.
func ruleOfOffset(seconds int) string {
	sign, against := '+', "-"
	if seconds < 0 {
		sign, against, seconds = '-', "", -seconds
	}
	hours, minutes, rest := seconds/3600, seconds/60%60, seconds%60
	rule := fmt.Sprintf("<%c%02d%02d>%s%d:%02d", sign, hours, minutes, against, hours, minutes)
	if rest > 0 {
		rule += fmt.Sprintf(":%02d", rest)
	}
	return rule
}

// A cache remembers a few values. It is safe for concurrent use.
type cache[K comparable, V any] struct {
	mu     sync.Mutex
	values map[K]V
}

func (c *cache[K, V]) get(key K) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok = c.values[key]
	return v, ok
}

func (c *cache[K, V]) put(key K, v V) {
	const most = 100 // more than a household uses; keys may come from anybody
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil || len(c.values) >= most {
		c.values = make(map[K]V)
	}
	c.values[key] = v
}

var (
	nameOf cache[*time.Location, string]
	parsed cache[string, *time.Location] // finding a name in the database reads a file
)

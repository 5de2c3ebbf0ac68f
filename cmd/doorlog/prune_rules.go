package main

import (
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/doorlog/doorlog"
)

// parseRule parses a rule such as camera=garage,label=cat,max-age=7d. A part with a comma in
// it is quoted as in CSV.
func parseRule(text string) (r doorlog.Rule, err error) {
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(records) != 1 {
		return r, misuse("--rule %q is not a line of comma-separated parts such as camera=garage,max-age=7d", text)
	}
	r.Name = text
	var once []string // the keys so far that must not come twice
	for _, part := range records[0] {
		key, value, found := strings.Cut(part, "=")
		if key = strings.TrimSpace(key); !found {
			return r, misuse("--rule %q: %q is not KEY=VALUE", text, part)
		}
		if value == "" {
			return r, misuse("--rule %q: %s is empty", text, key)
		}
		if slices.Contains(once, key) {
			return r, misuse("--rule %q has %s twice", text, key)
		}
		many, problem := setRulePart(&r, key, value)
		if problem != "" {
			return r, misuse("--rule %q: %s", text, problem)
		}
		if !many {
			once = append(once, key)
		}
	}
	m := &r.Match
	switch {
	case len(m.Cameras)+len(m.Types)+len(m.Persons)+len(m.Labels)+len(m.Methods)+len(m.Attributes) == 0 &&
		m.Stranger == nil && m.UnlockGranted == nil:
		return r, misuse("--rule %q matches all events: use --max-age", text)
	case len(m.Persons) > 0 && m.Stranger != nil && *m.Stranger:
		return r, misuse("--rule %q: person and stranger=yes exclude each other", text)
	}
	return r, nil
}

// setRulePart sets a part of a rule. many says whether the key may come several times, and
// problem what is wrong with the value.
func setRulePart(r *doorlog.Rule, key, value string) (many bool, problem string) {
	m := &r.Match
	switch key {
	case "camera":
		m.Cameras = append(m.Cameras, value)
		return true, ""
	case "type":
		m.Types = append(m.Types, doorlog.EventType(value))
		return true, ""
	case "person":
		m.Persons = append(m.Persons, value)
		return true, ""
	case "label":
		m.Labels = append(m.Labels, value)
		return true, ""
	case "method":
		m.Methods = append(m.Methods, doorlog.Method(value))
		return true, ""
	case "attribute":
		name, value, found := strings.Cut(value, "=")
		if !found || name == "" {
			return true, "attribute is not name=value, as in attribute=zone=porch"
		}
		if m.Attributes == nil {
			m.Attributes = make(map[string][]string)
		}
		m.Attributes[name] = append(m.Attributes[name], value)
		return true, ""
	case "stranger", "unlocked":
		yes := value == "yes"
		if !yes && value != "no" {
			return false, key + " is yes or no, not " + strconv.Quote(value)
		}
		if key == "stranger" {
			m.Stranger = &yes
		} else {
			m.UnlockGranted = &yes
		}
	case "max-age":
		var ok bool
		if r.MaxAge, ok = parseAge(value); !ok || r.MaxAge == 0 {
			return false, strconv.Quote(value) + " is not an age such as 36h, 30d or 2y"
		}
	case "name":
		r.Name = value
	default:
		return false, strconv.Quote(key) + " is none of camera, type, person, label, method, attribute, stranger, unlocked, max-age and name"
	}
	return false, ""
}

// unlocksRule is the rule of --keep-unlocks, and strangersRule that of --keep-strangers.
func unlocksRule(maxAge time.Duration) doorlog.Rule {
	return doorlog.Rule{Name: "unlocks", Match: doorlog.Match{UnlockGranted: new(true)}, MaxAge: maxAge}
}

func strangersRule(maxAge time.Duration) doorlog.Rule {
	return doorlog.Rule{Name: "strangers", Match: doorlog.Match{Stranger: new(true)}, MaxAge: maxAge}
}

// parseFreeSpace parses a size such as 5GB, or a percentage of the disk such as 10%.
func parseFreeSpace(text string) (free doorlog.FreeSpace, ok bool) {
	if number, isPercent := strings.CutSuffix(text, "%"); isPercent {
		percent, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		return doorlog.FreeSpace{Percent: percent}, err == nil && percent > 0 && percent < 100
	}
	bytes, ok := parseSize(text)
	return doorlog.FreeSpace{Bytes: bytes}, ok
}

// parseSize parses a size such as 500MB or 2GiB. It must be at least one byte.
func parseSize(text string) (bytes int64, ok bool) {
	size, err := humanize.ParseBytes(text)
	return int64(min(size, math.MaxInt64)), err == nil && size >= 1 && size <= math.MaxInt64
}

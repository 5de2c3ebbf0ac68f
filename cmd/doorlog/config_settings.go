package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/doorlog/doorlog/web"
)

// A setting is one thing that can be said about the server. It has the same name as a flag, as a
// variable and in the file: --retention-max-age, DOORLOG_RETENTION_MAX_AGE, and max_age in [retention].
type setting struct {
	key      string // such as retention.max_age
	form     form
	fallback string // what holds if nothing is said; empty if no text stands for that
	example  string // a value for the example, as TOML; default: fallback
	about    string // for the help and the example; its value is in ` `
	set      func(c *config, texts []string) error
}

// settings are in the order of the example.
var settings = []*setting{
	{"db", textForm, defaultDB, `"/var/lib/doorlog/events.db"`, "database `file`", text(func(c *config) *string { return &c.db })},
	{"thumbnails", textForm, "", `"/var/lib/doorlog/thumbnails"`, "`folder` of the thumbnails (default thumbnails beside the database)", text(func(c *config) *string { return &c.thumbnails })},
	{"read_only", boolForm, "false", "", "only read the database: several programs can do that at once", boolean(func(c *config) *bool { return &c.store.ReadOnly })},

	{"socket", textForm, "", `"/run/doorlog/events.db.sock"`, "`path` of the Unix socket, or off (default FILE.sock beside the database)", text(func(c *config) *string { return &c.serve.Socket })},
	{"listen", listForm, "127.0.0.1:7780", `["127.0.0.1:7780"]`, "`address` to listen on, or off; all but those of loopback need tokens and TLS; repeatable", setListen},
	{"insecure_http", boolForm, "false", "", "listen on other addresses than loopback without TLS: whoever is on the network can read tokens", boolean(func(c *config) *bool { return &c.serve.InsecureHTTP })},
	{"require_token", boolForm, "false", "", "ask for a token on loopback, too", boolean(func(c *config) *bool { return &c.serve.RequireToken })},
	{"host", listForm, "", `["doorlog.lan"]`, "`name`, beside localhost, that a browser on this machine may use for the server; repeatable", setHosts},
	{"page", boolForm, "true", "", "serve the page for browsers; without it, the API only", setPage},
	{"max_body", sizeForm, "64MiB", "", "refuse bodies of requests beyond this `size`; JSON lines have no limit", size64(func(c *config) *int64 { return &c.serve.MaxBody }, "")},
	{"max_streams", numberForm, "10000", "", "allow this `number` of streams of changes at once", integer(func(c *config) *int { return &c.serve.MaxStreams })},
	{"drain", textForm, "10s", "", "let requests that have begun go on for this `AGE` when the server stops", age(func(c *config) *time.Duration { return &c.serve.Drain }, "")},

	{"thumbnail_edge", numberForm, "1280", "", "make the longest edge of thumbnails this long, in `pixels`", integer(func(c *config) *int { return &c.store.ThumbnailEdge })},
	{"max_size", sizeForm, "", `"4GiB"`, "refuse events when the database file would be larger than this `size`", size64(func(c *config) *int64 { return &c.store.MaxSize }, "")},
	{"min_free", sizeForm, "1MiB", "", "refuse events when the disk would have less free space than this `size`, or off", size64(func(c *config) *int64 { return &c.store.MinFree }, off)},
	{"compact_at", numberForm, "", "0.3", "compact the file by itself when this `fraction` of it is free (default never)", fraction(func(c *config) *float64 { return &c.store.CompactAt })},
	{"scrub", textForm, "7d", "", "verify the whole file again after this `AGE`, or off", age(func(c *config) *time.Duration { return &c.store.Scrub }, off)},
	{"keep_changes", numberForm, "1000000", "", "keep this `number` of changes for readers", integer(func(c *config) *int { return &c.store.KeepChanges })},
	{"keep_changes_for", textForm, "30d", "", "keep changes for readers for this `AGE`", age(func(c *config) *time.Duration { return &c.store.KeepChangesFor }, "")},
	{"mend_detections", boolForm, "false", "", "mend detections that cannot be stored as they are, instead of refusing their events", boolean(func(c *config) *bool { return &c.store.MendDetections })},
	{"max_future_skew", textForm, "24h", "", "refuse events that are further ahead of the clock than this `AGE`", age(func(c *config) *time.Duration { return &c.store.MaxFutureSkew }, "")},
	{"quarantine", boolForm, "false", "", "set a damaged file aside at start, and go on with what can be saved", boolean(func(c *config) *bool { return &c.store.Quarantine })},

	{"tls.certificate", textForm, "", `"/etc/doorlog/cert.pem"`, "`file` of the certificate, in PEM; read again on SIGHUP", text(func(c *config) *string { return &c.certificate })},
	{"tls.key", textForm, "", `"/etc/doorlog/key.pem"`, "`file` of its private key", text(func(c *config) *string { return &c.key })},

	{"retention.every", textForm, "1h", "", "look again for what is too old after this `AGE`", age(func(c *config) *time.Duration { return &c.store.RetentionEvery }, "")},
	{"retention.max_age", textForm, "", `"90d"`, "delete events older than this `AGE`", age(func(c *config) *time.Duration { return &c.retention.MaxAge }, "")},
	{"retention.rule", listForm, "", `["camera=garage,label=cat,max-age=7d"]`, "delete events by a `RULE`, as \"doorlog prune\" does; repeatable", setRules},
	{"retention.keep_strangers", textForm, "", `"30d"`, "delete events without a person that are older than this `AGE`", age(func(c *config) *time.Duration { return &c.strangers }, "")},
	{"retention.keep_unlocks", textForm, "", `"2y"`, "delete events that let somebody in and are older than this `AGE`", age(func(c *config) *time.Duration { return &c.unlocks }, "")},
	{"retention.max_events", numberForm, "", "100000", "delete the oldest events until there are `N`", integer(func(c *config) *int { return &c.retention.MaxEvents })},
	{"retention.max_bytes", sizeForm, "", `"2GiB"`, "delete the oldest events until the store has this `size`", size64(func(c *config) *int64 { return &c.retention.MaxBytes }, "")},
	{"retention.keep_free", textForm, "", `"10%"`, "delete the oldest events until this `size` or percentage of the disk is free", setKeepFree},
	{"retention.thumbnail_age", textForm, "", `"30d"`, "delete thumbnails older than this `AGE`; their events stay", age(func(c *config) *time.Duration { return &c.retention.ThumbnailAge }, "")},

	{"log.format", textForm, "text", "", "`form` of the log on standard error: text or json", setLogFormat},
	{"log.level", textForm, "info", "", "log what has this `level` or a higher one: debug, info, warn or error", setLogLevel},
}

// off is the value of a setting that has something turned off.
const off = "off"

const variablePrefix = "DOORLOG_"

// settingOf returns the setting of a key, or nil.
func settingOf(key string) *setting {
	if i := slices.IndexFunc(settings, func(s *setting) bool { return s.key == key }); i >= 0 {
		return settings[i]
	}
	return nil
}

// isSettingsTable reports whether settings are in a table of this name.
func isSettingsTable(name string) bool {
	return slices.ContainsFunc(settings, func(s *setting) bool { return strings.HasPrefix(s.key, name+".") })
}

func (s *setting) flag() string { return strings.NewReplacer("_", "-", ".", "-").Replace(s.key) }

// variable returns the name of the setting in the environment. Three are those of all commands.
func (s *setting) variable() string {
	switch s.key {
	case "db":
		return "DB_PATH"
	case "thumbnails":
		return "THUMBNAILS_DIR"
	case "socket":
		return "SOCKET_PATH"
	}
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// addTo adds the flag of the setting, unless all commands have it.
func (s *setting) addTo(f *pflag.FlagSet) {
	about := s.about
	if s.fallback != "" && s.form != boolForm {
		about += " (default " + s.fallback + ")"
	}
	switch {
	case s.key == "db" || s.key == "thumbnails":
	case s.form == boolForm:
		f.Bool(s.flag(), s.fallback == "true", about)
	case s.form == listForm:
		f.StringArray(s.flag(), nil, about)
	default:
		f.String(s.flag(), "", about)
	}
}

// given returns what the flag says, if it is given. f may be nil.
func (s *setting) given(f *pflag.FlagSet) (texts []string, ok bool) {
	if f == nil {
		return nil, false
	}
	flag := f.Lookup(s.flag())
	if flag == nil || !flag.Changed {
		return nil, false
	}
	if list, ok := flag.Value.(pflag.SliceValue); ok {
		return list.GetSlice(), true
	}
	return []string{flag.Value.String()}, true
}

// split splits the value of a variable: a list has commas, but that of rules, which have commas
// themselves, has a rule on each line.
func (s *setting) split(text string) []string {
	if s.form != listForm {
		return []string{text}
	}
	sep := ","
	if s.key == "retention.rule" {
		sep = "\n"
	}
	var texts []string
	for part := range strings.SplitSeq(text, sep) {
		if part = strings.TrimSpace(part); part != "" {
			texts = append(texts, part)
		}
	}
	return texts
}

// The functions that follow make setters.

func text(at func(*config) *string) func(*config, []string) error {
	return func(c *config, texts []string) error {
		if texts[0] == "" {
			return errors.New("is empty")
		}
		*at(c) = texts[0]
		return nil
	}
}

func boolean(at func(*config) *bool) func(*config, []string) error {
	return func(c *config, texts []string) (err error) {
		if *at(c), err = strconv.ParseBool(texts[0]); err != nil {
			return fmt.Errorf("is true or false, not %q", texts[0])
		}
		return nil
	}
}

// integer sets a number that is at least 1.
func integer(at func(*config) *int) func(*config, []string) error {
	return func(c *config, texts []string) error {
		n, err := strconv.Atoi(texts[0])
		if err != nil || n < 1 {
			return fmt.Errorf("is a number from 1 on, not %q", texts[0])
		}
		*at(c) = n
		return nil
	}
}

func fraction(at func(*config) *float64) func(*config, []string) error {
	return func(c *config, texts []string) error {
		v, err := strconv.ParseFloat(texts[0], 64)
		if err != nil || math.IsNaN(v) || v < 0 || v >= 1 {
			return fmt.Errorf("is a fraction below 1 such as 0.3, not %q", texts[0])
		}
		*at(c) = v
		return nil
	}
}

// age sets a length of time. If none is not empty, that word means none, which is -1.
func age(at func(*config) *time.Duration, none string) func(*config, []string) error {
	return func(c *config, texts []string) error {
		if none != "" && texts[0] == none {
			*at(c) = -1
			return nil
		}
		v, ok := parseAge(texts[0])
		if !ok || v == 0 {
			return fmt.Errorf("is an age such as 36h, 30d or 2y%s, not %q", orWord(none), texts[0])
		}
		*at(c) = v
		return nil
	}
}

// size64 sets a number of bytes, likewise.
func size64(at func(*config) *int64, none string) func(*config, []string) error {
	return func(c *config, texts []string) error {
		if none != "" && texts[0] == none {
			*at(c) = -1
			return nil
		}
		v, ok := parseSize(texts[0])
		if !ok {
			return fmt.Errorf("is a size such as 500MB or 2GiB%s, not %q", orWord(none), texts[0])
		}
		*at(c) = v
		return nil
	}
}

func orWord(word string) string {
	if word == "" {
		return ""
	}
	return ", or " + word
}

func setListen(c *config, texts []string) error {
	c.serve.Addresses = nil
	for _, text := range texts {
		if text == off && len(texts) == 1 {
			continue
		}
		_, port, err := net.SplitHostPort(text)
		if err != nil {
			return fmt.Errorf("is an address with a port such as 127.0.0.1:7780, not %q", text)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("has a port from 0 to 65535, not %q, in %q", port, text)
		} else if slices.Contains(c.serve.Addresses, text) && n > 0 {
			return fmt.Errorf("has %s twice", text)
		}
		c.serve.Addresses = append(c.serve.Addresses, text)
	}
	return nil
}

func setHosts(c *config, texts []string) error {
	for _, text := range texts {
		if text == "" || strings.ContainsAny(text, "/: ") {
			return fmt.Errorf("is a name without a port such as doorlog.lan, not %q", text)
		}
	}
	c.serve.Hosts = texts
	return nil
}

func setPage(c *config, texts []string) error {
	on := false
	err := boolean(func(*config) *bool { return &on })(c, texts)
	c.serve.Page = web.PageOff
	if on {
		c.serve.Page = web.PageOn
	}
	return err
}

func setRules(c *config, texts []string) error {
	for _, text := range texts {
		r, err := parseRule(text)
		if err != nil {
			return errors.New("is wrong: " + strings.TrimPrefix(err.Error(), "--rule "))
		}
		c.retention.Rules = append(c.retention.Rules, r)
	}
	return nil
}

func setKeepFree(c *config, texts []string) error {
	free, ok := parseFreeSpace(texts[0])
	if !ok {
		return fmt.Errorf("is a size such as 5GB or a percentage of the disk such as 10%%, not %q", texts[0])
	}
	c.retention.KeepFree = free
	return nil
}

func setLogFormat(c *config, texts []string) error {
	if texts[0] != "text" && texts[0] != "json" {
		return fmt.Errorf("is text or json, not %q", texts[0])
	}
	c.logFormat = texts[0]
	return nil
}

func setLogLevel(c *config, texts []string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[texts[0]]
	if !ok {
		return fmt.Errorf("is debug, info, warn or error, not %q", texts[0])
	}
	c.logLevel = level
	return nil
}

// toml returns the value of the example.
func (s *setting) toml() string {
	if s.example == "" && s.form != boolForm && s.form != numberForm {
		return strconv.Quote(s.fallback)
	}
	return cmp.Or(s.example, s.fallback)
}

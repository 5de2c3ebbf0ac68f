package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A config is what "doorlog serve" is to do.
type config struct {
	db          string
	thumbnails  string
	store       doorlog.Options
	retention   doorlog.Policy
	unlocks     time.Duration // how long events that let somebody in are kept
	strangers   time.Duration // how long events without a person are kept
	serve       web.ServeOptions
	certificate string
	key         string
	logFormat   string
	logLevel    slog.Level

	said map[string]saying // of every setting, by its key
}

// A saying is the value of a setting, and where it is from.
type saying struct {
	texts []string
	from  string // "flag", "environment", "file" or "default"
	place place
}

// A place is where something was said.
type place struct {
	Name   string `json:"in"` // a file, a variable or a flag
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"` // in bytes, from 1
}

func (p place) String() string {
	if p.Line == 0 {
		return p.Name
	}
	return fmt.Sprintf("%s:%d:%d", p.Name, p.Line, p.Column)
}

// A configError says what is wrong with one setting.
type configError struct {
	place
	Setting string `json:"setting"` // empty if it is about the file as a whole
	Problem string `json:"problem"`
}

func (e *configError) Error() string {
	switch {
	case e.Setting == "":
		return fmt.Sprintf("%v: %s", e.place, e.Problem)
	case e.Line > 0:
		return fmt.Sprintf("%v: %s %s", e.place, e.Setting, e.Problem)
	}
	return e.Name + " " + e.Problem // the flag or the variable has the name of the setting
}

// configErrors are all that is wrong.
type configErrors []*configError

// err returns one error for all, or nil. If the command line is to blame, it is misuse.
func (list configErrors) err(c *config) error {
	if len(list) == 0 {
		return nil
	}
	all := make([]error, len(list))
	flags := false
	for i, e := range list {
		all[i] = e
		flags = flags || c.said[e.Setting].from == fromFlag
	}
	err := errors.Join(all...)
	if flags {
		return misuseError{err}
	}
	return err
}

const (
	fromFlag        = "flag"
	fromEnvironment = "environment"
	fromFile        = "file"
	fromDefault     = "default"
)

// configFlag and configVariable say which file to read. There is none by default.
const (
	configFlag     = "config"
	configVariable = "DOORLOG_CONFIG"
)

// loadConfig returns what flags, the environment and a file say, in this order, and all that is wrong
// with it. The flags may be nil, and file empty. The config is never nil.
func (a *app) loadConfig(file string, flags *pflag.FlagSet) (c *config, wrong configErrors, err error) {
	c = &config{said: map[string]saying{}}
	inFile := map[string]saying{}
	if file != "" {
		if inFile, wrong, err = readConfigFile(file); err != nil {
			return c, wrong, err
		}
	}
	for _, s := range settings {
		said := saying{from: fromDefault, texts: []string{s.fallback}}
		if told, ok := inFile[s.key]; ok {
			said = told
		}
		if text, err := a.setting("", s.variable(), ""); err != nil {
			return c, wrong, err
		} else if text != "" {
			said = saying{s.split(text), fromEnvironment, place{Name: s.variable()}}
		}
		if texts, ok := s.given(flags); ok {
			said = saying{texts, fromFlag, place{Name: "--" + s.flag()}}
		}
		c.said[s.key] = said
		if said.from == fromDefault && s.fallback == "" {
			continue
		}
		if err := s.set(c, said.texts); err != nil {
			wrong = append(wrong, &configError{said.place, s.key, err.Error()})
		}
	}
	c.complete()
	wrong = append(wrong, c.check()...)
	slices.SortStableFunc(wrong, func(a, b *configError) int { return a.Line - b.Line })
	return c, wrong, nil
}

// complete sets what follows from several settings.
func (c *config) complete() {
	if c.thumbnails == "" {
		c.thumbnails = doorlog.DefaultThumbnailDir(c.db)
	}
	c.store.ThumbnailDir = c.thumbnails
	if c.unlocks > 0 {
		c.retention.Rules = append(c.retention.Rules, unlocksRule(c.unlocks))
	}
	if c.strangers > 0 {
		c.retention.Rules = append(c.retention.Rules, strangersRule(c.strangers))
	}
	p := &c.retention
	if len(p.Rules) > 0 || p.MaxAge > 0 || p.MaxEvents > 0 || p.MaxBytes > 0 || p.ThumbnailAge > 0 || p.KeepFree != (doorlog.FreeSpace{}) {
		c.store.Retention = p
	}
}

// check finds what is wrong with settings that depend on others.
func (c *config) check() (wrong configErrors) {
	blame := func(key, format string, args ...any) {
		at := c.said[key].place
		if at.Name == "" {
			at.Name = key
		}
		wrong = append(wrong, &configError{at, key, fmt.Sprintf(format, args...)})
	}
	switch {
	case c.certificate != "" && c.key == "":
		blame("tls.certificate", "needs tls.key as well")
	case c.certificate == "" && c.key != "":
		blame("tls.key", "needs tls.certificate as well")
	case c.certificate != "":
		if _, err := tls.LoadX509KeyPair(c.certificate, c.key); err != nil {
			blame("tls.certificate", "and its key cannot be used: %s", strings.TrimPrefix(err.Error(), "tls: "))
		}
	}
	c.checkNetwork(blame)
	if c.store.ReadOnly && (c.store.Retention != nil || c.store.CompactAt > 0) {
		blame("read_only", "excludes retention and compact_at: they change the database")
	}
	if len(c.serve.Addresses) == 0 && c.serve.Socket == off && c.said["listen"].from != fromDefault {
		blame("socket", "is off, and listen as well: nobody could ask the server anything")
	}
	return wrong
}

// checkNetwork finds out what addresses that others can reach still need.
func (c *config) checkNetwork(blame func(key, format string, args ...any)) {
	i := slices.IndexFunc(c.serve.Addresses, func(address string) bool { return !isOwnMachine(address) })
	if i < 0 {
		return
	}
	address := c.serve.Addresses[i]
	if c.certificate == "" && !c.serve.InsecureHTTP {
		blame("listen", "has %s, which other machines can reach: it needs a certificate (tls.certificate and tls.key), "+
			"or insecure_http if something else encrypts", address)
	}
	tokens, err := web.OpenTokens(web.TokensPath(c.db)).List()
	switch {
	case err != nil:
		blame("listen", "has %s, which needs tokens: %s", address, plain(err))
	case len(tokens) == 0:
		blame("listen", "has %s, which other machines can reach: it needs tokens, and there are none; make one with \"doorlog token add\"", address)
	}
}

// isOwnMachine reports whether an address is of loopback. Of a name other than localhost it does not
// know: the server finds out.
func isOwnMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err != nil || ip.Unmap().IsLoopback()
}

// unknownVariables returns the variables of the environment that look like settings and are none.
func unknownVariables() (names []string) {
	for _, text := range os.Environ() {
		name, _, _ := strings.Cut(text, "=")
		if strings.HasPrefix(name, variablePrefix) && !strings.HasPrefix(name, "DOORLOG_TEST_") && name != configVariable &&
			!slices.ContainsFunc(settings, func(s *setting) bool { return s.variable() == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

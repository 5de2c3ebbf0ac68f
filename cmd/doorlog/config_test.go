package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// checked runs "config check" on a file with this text, which must end with this exit code.
func checked(t *testing.T, code int, text string) (result checkedConfig, problems string) {
	t.Helper()
	c := newCLI(t)
	file := filepath.Join(t.TempDir(), "doorlog.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(t.Context(), code, "config", "check", "--json", file)
	if err := json.Unmarshal(c.printed.Bytes(), &result); err != nil {
		t.Fatalf("%v: %s", err, c.printed.String())
	}
	return result, strings.ReplaceAll(c.errors.String(), file, "FILE")
}

func TestEveryFaultOfAFileIsTold(t *testing.T) {
	_, problems := checked(t, exitFailed, `listen = ["127.0.0.1:7780", "nonsense"]
require_token = "yes"
retenton = 3
drain = 10
max_size = "4 lots"

[retention]
max_age = "30x"
  max_agee = "30d"
rule = ["camera=yard,max-age=7d", "camera=yard,colour=red"]
max_events = 0

[retentions]
max_age = "1d"

[log]
level = "loud"
tls = { certificate = 3 }

[tls]
key = "nowhere.pem"
`)
	want := `doorlog: FILE:1:1: listen is an address with a port such as 127.0.0.1:7780, not "nonsense"
FILE:2:1: require_token must be true or false, without quotes
FILE:3:1: retenton is no setting: "doorlog config example" prints all of them
FILE:4:1: drain must be a text in quotes, such as "30d"
FILE:5:1: max_size is a size such as 500MB or 2GiB, not "4 lots"
FILE:8:1: retention.max_age is an age such as 36h, 30d or 2y, not "30x"
FILE:9:3: retention.max_agee is no setting: "doorlog config example" prints all of them
FILE:10:1: retention.rule is wrong: "camera=yard,colour=red": "colour" is none of camera, type, person, label, method, attribute, stranger, unlocked, max-age and name
FILE:11:1: retention.max_events is a number from 1 on, not "0"
FILE:13:2: retentions is no setting: "doorlog config example" prints all of them
FILE:17:1: log.level is debug, info, warn or error, not "loud"
FILE:18:1: log.tls is no setting: "doorlog config example" prints all of them
FILE:21:1: tls.key needs tls.certificate as well
`
	if problems != want {
		t.Errorf("%s\nwanted:\n%s", problems, want)
	}
}

func TestAFileThatIsNoTOMLIsTold(t *testing.T) {
	for text, want := range map[string]string{
		"listen = [":                         `^doorlog: FILE:1:\d+: .+\n$`,
		"drain = \"1s\"\ndrain = \"2s\"":     `^doorlog: FILE:2:\d+: .+\n$`,
		"tls = 3":                            `^doorlog: FILE:1:1: tls is a table: write \[tls\] on a line of its own, once\n$`,
		"\"retention.max_age\" = \"1d\"":     `^doorlog: FILE:1:1: "retention.max_age" is no setting: `,
		"[[retention]]":                      `^doorlog: FILE:1:3: retention is a table: write \[retention\] on a line of its own, once\n$`,
		"[retention.rule]":                   `^doorlog: FILE:1:12: retention.rule must be a list of texts`,
		"read_only = true\ncompact_at = 0.3": `^doorlog: FILE:1:1: read_only excludes retention and compact_at`,
		"listen = [3]":                       `^doorlog: FILE:1:1: listen must be a list of texts`,
		"tls = { certificate = 3 }":          `^doorlog: FILE:1:9: tls.certificate must be a text in quotes`,
	} {
		_, problems := checked(t, exitFailed, text)
		if !regexp.MustCompile(want).MatchString(problems) {
			t.Errorf("%q: %q, wanted %s", text, problems, want)
		}
	}
}

// uncommented returns the example with all of its settings.
func uncommented(t *testing.T) string {
	file, key := makeCertificate(t, t.TempDir(), "doorlog")
	text := regexp.MustCompile(`(?m)^#([a-z_]+ = )`).ReplaceAllString(string(exampleConfig()), "$1")
	return strings.NewReplacer("/etc/doorlog/cert.pem", file, "/etc/doorlog/key.pem", key).Replace(text)
}

func TestTheExampleIsAccepted(t *testing.T) {
	result, problems := checked(t, exitOK, string(exampleConfig()))
	if problems != "" || len(result.Settings) != len(settings) {
		t.Errorf("%d settings, %q", len(result.Settings), problems)
	}
	for key, s := range result.Settings {
		if s.From == fromFile {
			t.Errorf("%s is said by the example", key)
		}
	}
	result, problems = checked(t, exitOK, uncommented(t))
	if problems != "" {
		t.Errorf("without the signs of a comment: %q", problems)
	}
	for key, s := range result.Settings {
		if s.From != fromFile && key != "db" && key != "thumbnails" { // of the environment here
			t.Errorf("%s is from %s", key, s.From)
		}
	}
}

func TestTheExampleHasLinesThatFit(t *testing.T) {
	for line := range strings.Lines(string(exampleConfig())) {
		if len(line) > 101 || strings.Contains(line, "`") {
			t.Error(line)
		}
	}
}

func TestAFlagComesBeforeTheEnvironmentAndThatBeforeTheFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"doorlog.toml": "drain = \"1s\"\nscrub = \"1d\"\nmin_free = \"2MiB\"\nthumbnail_edge = 100\nhost = [\"a\"]\npage = false\n",
		".env":         "DOORLOG_SCRUB=2d\nDOORLOG_MIN_FREE=3MiB\nDOORLOG_HOST=b,c\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DOORLOG_MIN_FREE", "4MiB")
	t.Setenv("DOORLOG_THUMBNAIL_EDGE", "200")
	t.Setenv("DOORLOG_RETENTION_RULE", "camera=yard,max-age=7d\ncamera=porch,label=cat,max-age=1d\n")
	a := &app{now: time.Now, err: &bytes.Buffer{}}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	for _, s := range settings {
		s.addTo(flags)
	}
	if err := flags.Parse([]string{"--thumbnail-edge=300", "--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"}); err != nil {
		t.Fatal(err)
	}
	c, wrong, err := a.loadConfig("doorlog.toml", flags)
	if err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	if c.serve.Drain != time.Second || c.store.Scrub != 48*time.Hour || c.store.MinFree != 4<<20 || c.store.ThumbnailEdge != 300 ||
		strings.Join(c.serve.Hosts, " ") != "b c" || strings.Join(c.serve.Addresses, " ") != "127.0.0.1:1 127.0.0.1:2" {
		t.Errorf("%+v %+v", c.serve, c.store)
	}
	if c.serve.Page != web.PageOff || c.said["page"].from != fromFile {
		t.Errorf("%+v %+v", c.serve, c.said["page"])
	}
	if c.store.Retention == nil || len(c.retention.Rules) != 2 || c.retention.Rules[1].Match.Cameras[0] != "porch" {
		t.Errorf("%+v", c.retention)
	}
	if c.store.KeepChanges != 1_000_000 || c.said["keep_changes"].from != fromDefault || c.said["thumbnail_edge"].from != fromFlag {
		t.Errorf("%d, %+v", c.store.KeepChanges, c.said)
	}
}

// What the texts of the defaults say is what the library does when nothing is said.
func TestDefaultsAgreeWithTheLibrary(t *testing.T) {
	a := &app{now: time.Now, err: &bytes.Buffer{}}
	t.Chdir(t.TempDir())
	c, wrong, err := a.loadConfig("", nil)
	if err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	if c.store.Retention != nil || c.store.CompactAt != 0 || c.store.MaxSize != 0 || c.store.ReadOnly || c.serve.Page != web.PageOn {
		t.Errorf("%+v %+v", c.store, c.serve)
	}
	if c.thumbnails != doorlog.DefaultThumbnailDir(defaultDB) {
		t.Error(c.thumbnails)
	}
	for key, want := range map[string]string{ // see the comments of doorlog.Options and web.Options
		"thumbnail_edge": "1280", "min_free": "1MiB", "scrub": "7d", "keep_changes": "1000000", "keep_changes_for": "30d",
		"max_future_skew": "24h", "retention.every": "1h", "max_body": "64MiB", "max_streams": "10000", "drain": "10s", "listen": "127.0.0.1:7780",
	} {
		if got := settingOf(key).fallback; got != want {
			t.Errorf("%s: %s, wanted %s", key, got, want)
		}
	}
}

func TestAddressesOfTheNetworkNeedMore(t *testing.T) {
	_, problems := checked(t, exitFailed, "listen = [\":7780\"]")
	for _, want := range []string{"needs a certificate", "doorlog token add"} {
		if !strings.Contains(problems, want) {
			t.Errorf("no %q in %s", want, problems)
		}
	}
	for _, own := range []string{"127.0.0.1:1", "[::1]:1", "localhost:1", "127.9.9.9:1", "[::ffff:127.0.0.1]:1"} {
		if !isOwnMachine(own) {
			t.Error(own)
		}
	}
	for _, others := range []string{":1", "0.0.0.0:1", "[::]:1", "192.168.1.2:1", "[fe80::1%eth0]:1"} {
		if isOwnMachine(others) {
			t.Error(others)
		}
	}
}

func TestNumbersMayHaveAnyFormOfTOML(t *testing.T) {
	said, wrong := parseConfig("FILE", []byte("thumbnail_edge = 1_000\r\nmax_size = 0x10_0000\ncompact_at = 0.2_5\nmin_free = +7\nretention.max_events = 0b11\n"))
	if len(wrong) > 0 {
		t.Error(wrong[0])
	}
	for key, want := range map[string]string{
		"thumbnail_edge": "1000", "max_size": "1048576", "compact_at": "0.25", "min_free": "7", "retention.max_events": "3",
	} {
		if got := strings.Join(said[key].texts, " "); got != want {
			t.Errorf("%s: %q, wanted %q", key, got, want)
		}
	}
}

// However broken a file is, reading it ends, and what is wrong has a place in it.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("listen = [\"127.0.0.1:7780\"]\n[retention]\nmax_age = \"30d\"\n[[tls]]\nx = { a.b = [1, 2.5, {c = 1979-05-27}] }\n"))
	f.Add([]byte("a = \"\\"))
	f.Add([]byte("[\"\\u0000\".b]\ntls = {key = '''x'''}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := bytes.Count(data, []byte("\n")) + 1
		_, wrong := parseConfig("FILE", data)
		for _, e := range wrong {
			if e.Line < 1 || e.Line > lines || e.Column < 1 {
				t.Errorf("%v of %d lines", e, lines)
			}
		}
	})
}

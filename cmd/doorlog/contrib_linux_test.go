package main

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// contrib returns the text of an example.
func contrib(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../contrib", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program returns the path of the command that is tested.
func program(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("doorlog")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// systemd accepts the units, and finds little that the service could do beside its work.
func TestTheUnitsAreThoseOfSystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	dir := t.TempDir()
	for _, unit := range []string{"doorlog.service", "doorlog.socket"} {
		text := strings.ReplaceAll(contrib(t, unit), "/usr/local/bin/doorlog", program(t))
		if err := os.WriteFile(filepath.Join(dir, unit), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	service := filepath.Join(dir, "doorlog.service")
	if out, err := exec.Command(analyze, "verify", "--man=no", service, filepath.Join(dir, "doorlog.socket")).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
	const exposure = "15" // of 100
	if out, err := exec.Command(analyze, "security", "--no-pager", "--offline=true", "--threshold="+exposure, service).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestTheServiceSaysWhatTheServerUnderstands(t *testing.T) {
	known := map[string]bool{configVariable: true}
	for _, s := range settings {
		known[s.variable()] = true
	}
	found := 0
	for _, file := range []string{"doorlog.service", "Dockerfile", "doorlog.cron"} {
		for _, m := range regexp.MustCompile(`\b(DOORLOG_[A-Z_]+|DB_PATH|[A-Z]+_DIR)=`).FindAllStringSubmatch(contrib(t, file), -1) {
			if found++; !known[m[1]] {
				t.Errorf("%s: %s is no setting", file, m[1])
			}
		}
	}
	if found < 5 {
		t.Errorf("%d variables are found", found)
	}
}

// after returns the words after a keyword of the Dockerfile, at its last place.
func after(t *testing.T, text, pattern string) string {
	t.Helper()
	all := regexp.MustCompile(`(?m)^`+pattern).FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		t.Fatalf("there is no %s", pattern)
	}
	return all[len(all)-1][1]
}

// The program that the Dockerfile builds runs where there is nothing else: no file, no library, no
// shell, no user's name, no time zones.
func TestTheImageNeedsNothingElse(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may change the root of a process")
	}
	if testing.Short() {
		t.Skip("it builds the program")
	}
	text := contrib(t, "Dockerfile")
	root := shortDir(t)
	build := strings.Fields(strings.ReplaceAll(after(t, text, ` +go build (.*) -o `), `"-s -w"`, "-s"))
	cmd := exec.Command("go", append(append([]string{"build"}, build...), "-o", filepath.Join(root, "doorlog"), ".")...)
	cmd.Env = append(os.Environ(), strings.Fields(after(t, text, `ENV (CGO_ENABLED.*)`))...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	user, err := strconv.Atoi(after(t, text, `USER (\d+):\d+`))
	if err != nil || user == 0 {
		t.Fatal("it runs as root", err)
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(root, "data"), user, user); err != nil {
		t.Fatal(err)
	}
	inside := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "/doorlog", args...)
		cmd.Dir, cmd.Env = "/", []string{after(t, text, `ENV (DB_PATH=.*)`)}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
		return cmd
	}
	db := filepath.Join(root, "data", "events.db")
	s := start(t, db, inside("serve", "--json", "--listen", "127.0.0.1:0"))
	if status, body := fetch(t, http.DefaultClient, s.url("/healthz"), ""); status != http.StatusOK {
		t.Errorf("%d: %s", status, body)
	}
	s.get("/v1/server")
	for _, args := range [][]string{{"write", "--camera", "porch"}, {"info"}, {"recent", "--tz", "Europe/Berlin"}, {"token", "add", "one", "--read"}, {"backup", "/data/one.backup"}} {
		if out, err := inside(args...).CombinedOutput(); err != nil {
			t.Errorf("%q: %v: %s", args, err, out)
		}
	}
	s.stop()
}

// The addresses and the body that Home Assistant is told to use are those of the server.
func TestHomeAssistantIsAnswered(t *testing.T) {
	text := contrib(t, "home-assistant.yaml")
	s := serveDB(t, newDB(t))
	base := regexp.MustCompile(`http://127\.0\.0\.1:7780`)
	if n := len(base.FindAllString(text, -1)); n != 4 {
		t.Errorf("%d addresses", n)
	}
	midnight := url.QueryEscape(time.Now().Truncate(24 * time.Hour).Format(time.RFC3339)) // with +02:00 or Z
	asked := 0
	for _, m := range regexp.MustCompile(`resource(?:_template)?: http://127\.0\.0\.1:7780(\S*?\{\{.*?\}\}|\S+)`).FindAllStringSubmatch(text, -1) {
		path := strings.ReplaceAll(m[1], "{{ today_at().isoformat() | urlencode }}", midnight)
		if strings.Contains(path, "{") {
			t.Fatalf("this template is new here: %s", path)
		}
		body := s.get(path)
		if asked++; !strings.Contains(body, `"count":`) && !strings.Contains(body, `"events":[{`) {
			t.Errorf("%s: %s", path, body)
		}
		for _, name := range []string{"id", "recorded_at", "event_type", "person_name", "unlock_granted"} {
			if strings.Contains(path, "/v1/events") && !strings.Contains(body, `"`+name+`":`) {
				t.Errorf("%s has no %s: %s", path, name, body)
			}
		}
	}
	if asked != 3 {
		t.Errorf("%d addresses are asked", asked)
	}
	payload := regexp.MustCompile(`(?s)\{\{ (\{.*\}) \| tojson \}\}`).FindStringSubmatch(text)
	if payload == nil {
		t.Fatal("there is no payload")
	}
	body := strings.NewReplacer(`: camera,`, `: "porch",`, `utcnow().isoformat()`, `"2026-02-26T10:00:00.123456+00:00"`,
		`type | default("motion")`, `"motion"`, `person | default(none)`, `null`, `granted | default(false)`, `true`).Replace(payload[1])
	response, err := http.Post(s.url("/v1/events"), "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Errorf("%d for %s", response.StatusCode, body)
	}
	s.stop()
}

// backup.sh makes backups while a server has the database, and keeps the newest.
func TestTheCronJobKeepsTheNewestBackups(t *testing.T) {
	db := newDB(t)
	folder := filepath.Join(t.TempDir(), "a folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"doorlog-20200101T000000Z.backup", "doorlog-20200102T000000Z.backup", "doorlog-20200103T000000Z.backup", "other.txt"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (out string, err error) {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"../../contrib/backup.sh"}, args...)...)
		cmd.Env = append(os.Environ(), "DB_PATH="+db)
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	s := serveDB(t, db)
	if out, err := run(folder, "2"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(names) != 3 || filepath.Base(names[0]) != "doorlog-20200103T000000Z.backup" || filepath.Base(names[2]) != "other.txt" {
		t.Errorf("%q, %v", names, err)
	}
	s.stop()
	if out, err := exec.Command("doorlog", "restore", names[1], "--to", filepath.Join(t.TempDir(), "new")).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	// If there is no new backup, none of the old ones goes.
	db += "-of-nobody"
	if out, err := run(folder, "1"); err == nil {
		t.Errorf("it succeeds: %s", out)
	}
	if now, err := filepath.Glob(filepath.Join(folder, "*")); err != nil || len(now) != 3 {
		t.Errorf("%q, %v", now, err)
	}
	if _, err := run(folder, "-1"); err == nil {
		t.Error("-1 is taken for a number of backups")
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

const testEvents = 2000

// The test binary is the program of the workers as well. Some of them have
// engines that do not do as they should.
func TestMain(m *testing.M) {
	specs = append(specs,
		spec{Name: "miscounting", Durability: durable, open: openMiscounting},
		spec{Name: "forgetful", Durability: durable, open: openForgetful},
		spec{Name: "slow", Durability: durable, open: openSlow})
	if os.Getenv(workerEnv) != "" {
		os.Exit(serve())
	}
	os.Exit(m.Run())
}

type miscounting struct{ engine }

func (m miscounting) CountCamera(camera string) (int, error) {
	n, err := m.engine.CountCamera(camera)
	return n + 1, err
}

func openMiscounting(dir string) (engine, error) {
	e, err := openDoorlog(dir)
	return miscounting{e}, err
}

// forgetful leaves out the detections.
type forgetful struct{ engine }

func (f forgetful) Event(r ref) (e doorlog.Event, err error) {
	e, err = f.engine.Event(r)
	e.Detections = nil
	return e, err
}

func openForgetful(dir string) (engine, error) {
	e, err := openDoorlog(dir)
	return forgetful{e}, err
}

// slow does not get anywhere with a heatmap.
type slow struct{ engine }

func (slow) Heatmap(span) (doorlog.Heatmap, error) { select {} }

func openSlow(dir string) (engine, error) {
	e, err := openDoorlog(dir)
	return slow{e}, err
}

func testConfig(t *testing.T, engines, questions string) *config {
	t.Helper()
	cfg, _, err := parse([]string{
		"-events", "2000", "-engines", engines, "-questions", questions, "-dir", t.TempDir(),
		"-runs", "2", "-slice", "5ms", "-budget", "30s",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// realEngines are those that are not made for the tests.
func realEngines() (names []string) {
	for _, s := range specs {
		if s.module != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// quickQuestions are all but the size of programs, which takes building them.
func quickQuestions() (names []string) {
	for _, q := range questions {
		if q.Name != askBinary {
			names = append(names, q.Name)
		}
	}
	return names
}

// The run compares the answers of all engines before it measures anything.
func TestAllEnginesAgreeAndAreReported(t *testing.T) {
	engines := realEngines()
	cfg := testConfig(t, strings.Join(engines, ","), strings.Join(quickQuestions(), ","))
	r, err := measure(t.Context(), cfg, progress{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range cfg.engines {
		for _, q := range cfg.questions {
			res := r.result(testEvents, s.Name, q.Name)
			switch {
			case s.Floor && !q.Floor:
				if res != nil {
					t.Errorf("the floor was asked %s", q.Name)
				}
			case res == nil || res.Cut != "":
				t.Errorf("%s says nothing to %s: %+v", s.Name, q.Name, res)
			case res.Min > res.Max || res.Median <= 0 && deviceCounts(t) || res.Median < 0:
				t.Errorf("%s, %s: %+v", s.Name, q.Name, res)
			}
		}
	}
	if len(r.Notes) > 0 {
		t.Errorf("%v", r.Notes)
	}
	checkFiles(t, r)
}

// deviceCounts reports whether the system says what is written to the device:
// it says 0 for a file system in memory.
func deviceCounts(t *testing.T) bool {
	t.Helper()
	_, err := os.Stat("/proc/self/io")
	return err == nil && fileSystem(os.TempDir()) != tmpfs
}

// checkFiles writes a report and reads what it wrote.
func checkFiles(t *testing.T, r *report) {
	t.Helper()
	dir := t.TempDir()
	name, err := r.write(dir)
	if err != nil {
		t.Fatal(err)
	}
	found, again, err := newestReport(dir)
	if err != nil || found != name+".json" {
		t.Fatal(found, err)
	}
	a, b := mustJSON(t, r), mustJSON(t, again)
	if !bytes.Equal(a, b) {
		t.Errorf("the report was %s and is read as %s", a, b)
	}
	markdown, err := os.ReadFile(name + ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range r.Questions {
		file := barFile(q.Name, testEvents)
		if !strings.Contains(string(markdown), capital(q.About)) || !strings.Contains(string(markdown), file) {
			t.Errorf("%s is not in %s.md", q.Name, name)
		}
		checkSVG(t, filepath.Join(name, file))
	}
	var text bytes.Buffer
	if err := r.text(&text); err != nil || !strings.Contains(text.String(), "sqlite") {
		t.Error(err, text.String())
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func checkSVG(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	var root struct{ XMLName xml.Name }
	if err := xml.Unmarshal(data, &root); err != nil || root.XMLName.Local != "svg" {
		t.Errorf("%s: %v, %v", file, root.XMLName, err)
	}
}

func TestWrongAnswerStopsTheRun(t *testing.T) {
	for _, wrong := range []struct{ engine, question string }{{"miscounting", "count"}, {"forgetful", "event"}} {
		_, err := measure(t.Context(), testConfig(t, "doorlog,"+wrong.engine, "newest,event,count"), progress{})
		if err == nil || !errors.Is(err, errDiffers) || !strings.Contains(err.Error(), wrong.engine+": "+wrong.question) {
			t.Errorf("%s: %v", wrong.engine, err)
		}
	}
}

// An engine that takes too long is left out of the question, and answers the
// ones after it.
func TestSlowEngineIsCut(t *testing.T) {
	cfg := testConfig(t, "doorlog,slow", "heatmap-all,count,write-1,write-16")
	cfg.budget = 2 * time.Second
	r, err := measure(t.Context(), cfg, progress{})
	if err != nil {
		t.Fatal(err)
	}
	if res := r.result(testEvents, "slow", "heatmap-all"); res == nil || res.Cut == "" || len(res.Samples) > 0 {
		t.Errorf("heatmap-all: %+v", res)
	}
	for _, name := range []string{"count", "write-1", "write-16"} {
		if res := r.result(testEvents, "slow", name); res == nil || res.Cut != "" || len(res.Samples) == 0 {
			t.Errorf("%s: %+v", name, res)
		}
	}
	if res := r.result(testEvents, "doorlog", "heatmap-all"); res == nil || res.Ratio != 1 {
		t.Errorf("doorlog: %+v", res)
	}
}

// An engine that does not manage the bulk load in the time is out of it.
func TestSlowLoadIsSaid(t *testing.T) {
	cfg := testConfig(t, "doorlog", "load,event")
	cfg.loadBudget = time.Nanosecond
	r, err := measure(t.Context(), cfg, progress{})
	if err != nil {
		t.Fatal(err)
	}
	if res := r.result(testEvents, "doorlog", askLoad); res == nil || res.Cut == "" {
		t.Errorf("%+v", res)
	}
	if r.result(testEvents, "doorlog", "event") != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0].Text, "did not manage") {
		t.Errorf("%v, %v", r.Results, r.Notes)
	}
}

func TestCancelledRunLeavesNothingBehind(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cfg := testConfig(t, "doorlog", "event")
	if _, err := measure(ctx, cfg, progress{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	left, err := os.ReadDir(cfg.dir)
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestArgumentsThatAreWrong(t *testing.T) {
	for _, args := range []string{
		"-events 10", "-events x", "-events 2000,", "-engines oracle", "-questions why", "-runs 0", "-slice 0s", "-budget -1s", "more",
	} {
		if _, _, err := parse(strings.Fields(args), io.Discard); err == nil {
			t.Errorf("%s is taken", args)
		}
	}
	cfg, _, err := parse([]string{"-events", "3000, 1000,3000"}, io.Discard)
	if err != nil || len(cfg.events) != 2 || cfg.events[0] != 1000 || len(cfg.questions) != len(questions) {
		t.Error(cfg, err)
	}
}

func TestReadmeFigures(t *testing.T) {
	dir := t.TempDir()
	emptyReadme(t, dir)
	r := newReport(testConfig(t, "doorlog,badger,bbolt", "event,write-1"))
	for engine, values := range map[string][]float64{"doorlog": {3e-6, 2e-6, 4e-6}, "badger": {6e-6}, "bbolt": {1e-6}} {
		for _, v := range values {
			r.add(testEvents, engine, "event", v)
		}
		r.add(testEvents, engine, "write-1", 1/values[0])
	}
	r.finish()
	if _, err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	readme := filepath.Join(dir, "README.md")
	before := "# Title\n" + figuresBegin + "old\n" + figuresEnd + "after\n"
	if err := os.WriteFile(readme, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewriteReadme(readme, dir, true); err == nil {
		t.Error("the figures of long ago pass")
	}
	if err := rewriteReadme(readme, dir, false); err != nil {
		t.Fatal(err)
	}
	if err := rewriteReadme(readme, dir, true); err != nil {
		t.Error(err)
	}
	after, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Title\n" + figuresBegin, figuresEnd + "after\n", "| | doorlog | badger |\n",
		"| Event(id) with its detections | 3.00 µs | × 2.00 |\n", "| durable single writes, 1 writer | 333,000/s | × 2.00 |\n",
	} {
		if !strings.Contains(string(after), want) {
			t.Errorf("%q is not in %s", want, after)
		}
	}
	if strings.Contains(string(after), "old\n") {
		t.Error("the old figures are still there")
	}
}

// emptyReadme checks that without results there are no figures.
func emptyReadme(t *testing.T, results string) {
	t.Helper()
	readme := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(readme, []byte(figuresBegin+figuresEnd), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewriteReadme(readme, results, true); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(readme, []byte("# Title\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rewriteReadme(readme, results, false); err == nil {
		t.Error("a README without a place for the figures passes")
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct {
		unit  unit
		value float64
		want  string
	}{
		{inSeconds, 1.234, "1.23 s"},
		{inSeconds, 0.0123, "12.3 ms"},
		{inSeconds, 123e-6, "123 µs"},
		{inSeconds, 4.5e-9, "4.50 ns"},
		{perSecond, 12_345, "12,300/s"},
		{perSecond, 12.34, "12.3/s"},
		{perEvent, 596.4, "596 B"},
		{perEvent, 4512, "4,510 B"},
		{perEvent, 40_960, "40 KiB"},
		{inBytes, 5 << 20, "5.0 MiB"},
	} {
		if got := format(c.unit, c.value); got != c.want {
			t.Errorf("%v of %s: %s, not %s", c.value, c.unit, got, c.want)
		}
	}
}

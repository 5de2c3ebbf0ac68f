package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// A report is a run's results, with what is needed to judge them. It is what
// the JSON file holds, from which everything else is made.
type report struct {
	Date      time.Time         `json:"date"`
	Machine   machine           `json:"machine"`
	Go        string            `json:"go"`
	Commit    string            `json:"commit,omitempty"`
	Versions  map[string]string `json:"versions"`
	Runs      int               `json:"runs"`
	Slice     string            `json:"slice"`
	Events    []int             `json:"events"`
	Engines   []*spec           `json:"engines"`
	Questions []*question       `json:"questions"`
	Results   []*result         `json:"results"`
	Notes     []note            `json:"notes,omitempty"`

	drops    map[string]bool // engines that did not manage the bulk load
	restarts map[note]bool
}

// A result is what an engine had to say to a question at a size.
type result struct {
	Events   int       `json:"events"`
	Engine   string    `json:"engine"`
	Question string    `json:"question"`
	Samples  []float64 `json:"samples,omitempty"`
	Whole    float64   `json:"whole,omitempty"` // of all samples together, where that is not their median
	Cut      string    `json:"cut,omitempty"`   // why there is none

	Median float64 `json:"median,omitempty"`
	Min    float64 `json:"min,omitempty"`
	Max    float64 `json:"max,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"` // how many times as much as doorlog it costs
}

type note struct {
	Events int    `json:"events"`
	Engine string `json:"engine"`
	Text   string `json:"text"`
}

type machine struct {
	OS         string `json:"os"`
	Kernel     string `json:"kernel,omitempty"`
	CPU        string `json:"cpu,omitempty"`
	Cores      int    `json:"cores"`
	Memory     int64  `json:"memory,omitempty"`
	FileSystem string `json:"file_system,omitempty"`
}

func newReport(cfg *config) *report {
	r := &report{
		Date: time.Now().UTC().Truncate(time.Second), Machine: thisMachine(cfg.dir), Go: runtime.Version(), Commit: commit(),
		Versions: make(map[string]string), Runs: cfg.runs, Slice: cfg.slice.String(), Events: cfg.events, Engines: cfg.engines,
		Questions: cfg.questions, drops: make(map[string]bool), restarts: make(map[note]bool),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if slices.ContainsFunc(cfg.engines, func(s *spec) bool { return s.module == m.Path }) {
				r.Versions[m.Path] = m.Version
			}
		}
	}
	return r
}

func thisMachine(dir string) machine {
	m := machine{OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), FileSystem: fileSystem(dir)}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(text))
	}
	if kB, err := procNumber("/proc/meminfo", "MemTotal:"); err == nil {
		m.Memory = kB << 10
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
			}
		}
	}
	return m
}

// commit returns the commit that is measured; empty if that is not known.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--tags").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func (r *report) note(events int, engine, text string) {
	r.Notes = append(r.Notes, note{events, engine, text})
}

func (r *report) drop(engine string)         { r.drops[engine] = true }
func (r *report) dropped(engine string) bool { return r.drops[engine] }

func (r *report) restart(events int, engine string) {
	r.restarts[note{Events: events, Engine: engine}] = true
}

// restarted reports whether an engine's process is not the one that began.
func (r *report) restarted(events int, engine string) bool {
	return r.restarts[note{Events: events, Engine: engine}]
}

func (r *report) result(events int, engine, question string) *result {
	for _, res := range r.Results {
		if res.Events == events && res.Engine == engine && res.Question == question {
			return res
		}
	}
	return nil
}

func (r *report) add(events int, engine, question string, value float64) {
	res := r.result(events, engine, question)
	if res == nil {
		res = &result{Events: events, Engine: engine, Question: question}
		r.Results = append(r.Results, res)
	}
	res.Samples = append(res.Samples, value)
}

func (r *report) cut(events int, engine, question, why string) {
	r.Results = slices.DeleteFunc(r.Results, func(res *result) bool {
		return res.Events == events && res.Engine == engine && res.Question == question
	})
	r.Results = append(r.Results, &result{Events: events, Engine: engine, Question: question, Cut: why})
	r.restart(events, engine)
}

func (r *report) isCut(events int, engine, question string) bool {
	res := r.result(events, engine, question)
	return res != nil && res.Cut != ""
}

// baseline is the engine to which the ratios are.
const baseline = "doorlog"

// finish computes what follows from the samples.
func (r *report) finish() {
	for _, res := range r.Results {
		if len(res.Samples) == 0 {
			continue
		}
		res.Min, res.Max, res.Median = slices.Min(res.Samples), slices.Max(res.Samples), median(res.Samples)
		if res.Whole > 0 {
			res.Median = res.Whole
		}
	}
	for _, res := range r.Results {
		base := r.result(res.Events, baseline, res.Question)
		if base == nil || base.Median == 0 || res.Median == 0 {
			continue
		}
		res.Ratio = res.Median / base.Median
		if q := questionOf(res.Question); q != nil && q.Unit == perSecond {
			res.Ratio = 1 / res.Ratio
		}
	}
}

func median(samples []float64) float64 {
	s := slices.Sorted(slices.Values(samples))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func readReport(file string) (*report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(report)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// write puts the results into a folder: name.json, name.md, and the plots into
// the folder name.
func (r *report) write(dir string) (name string, err error) {
	name = filepath.Join(dir, r.Date.Format("2006-01-02T150405Z"))
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // results are for everybody
		return "", err
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(name+".json", append(data, '\n'), 0o644); err != nil { //nolint:gosec // likewise
		return "", err
	}
	var markdown bytes.Buffer
	r.markdown(&markdown, filepath.Base(name))
	if err := os.WriteFile(name+".md", markdown.Bytes(), 0o644); err != nil { //nolint:gosec // likewise
		return "", err
	}
	return name, r.plot(name)
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// embedPath is where the programs are that embed one engine each.
const embedPath = "github.com/doorlog/doorlog/bench/embed/"

// binaries builds the programs that embed the engines, without debugging
// information, and takes their sizes. They are the same for every size of store.
func (r *run) binaries() error {
	dir, err := os.MkdirTemp(r.dir, "bench-binaries-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing in it is needed
	sizes := make(map[string]int64)
	for _, s := range r.engines {
		if s.embed == "" {
			continue
		}
		r.progress.label("build a program with " + s.embed)
		if sizes[s.embed] == 0 {
			if sizes[s.embed], err = buildSize(r, dir, s.embed); err != nil {
				return err
			}
		}
		for _, events := range r.events {
			r.report.add(events, s.Name, askBinary, float64(sizes[s.embed]))
		}
		r.progress.step()
	}
	return nil
}

func buildSize(ctx context.Context, dir, name string) (int64, error) {
	out := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, embedPath+name) //nolint:gosec // of this module
	if text, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build %s (from a folder of the workspace): %w\n%s", name, err, text)
	}
	info, err := os.Stat(out)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

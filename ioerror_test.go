//go:build linux

package doorlog_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Any call of a store that changes something on the disk may fail: the store
// goes on, or says that it has stopped and goes on when it is opened again, and
// no power cut after that takes what was acknowledged.
func TestFailedCallLosesNothingThatWasAcknowledged(t *testing.T) {
	needStrace(t)
	images := extent(10, 20, 100)
	var mu sync.Mutex
	total, failures := new(verdict), 0
	t.Run("of", func(t *testing.T) {
		for _, script := range []string{"small", "erase", "backup", "forget"} {
			calls, images := changingCalls, images
			if script == "backup" {
				calls = slices.Concat(changingCalls, readingCalls)
			}
			if script != "small" {
				images = extent(3, 5, 100)
			}
			for _, from := range startsOf(t, script, calls) {
				name := from.name
				for _, errno := range []string{"EIO", "ENOSPC"} {
					if errno == "ENOSPC" && (strings.HasSuffix(name, "sync") || strings.HasSuffix(name, "at") || script != "small") && !*whole {
						continue
					}
					t.Run(fmt.Sprint(script, " ", from, " ", errno), func(t *testing.T) {
						t.Parallel()
						each := from.eachNth
						if script != "small" && !*whole {
							each = from.middle
						}
						each(func(n int) bool {
							if stride := strideOf(name, errno); n > 10 && *whole && n%stride != 0 {
								return true // there are many, much alike
							}
							v, hit := failAt(t, script, fault{name, "error=" + errno, n}, images)
							if v != nil {
								mu.Lock()
								defer mu.Unlock()
								failures++
								total.add(v)
							}
							return hit && !t.Failed()
						})
					})
				}
			}
		}
	})
	t.Logf("%d failed calls: %v", failures, total)
	total.demandNone(t)
	if failures < extent(15, 30, 100) || total.images < failures*3/2 {
		t.Errorf("only %d failed calls and %d images", failures, total.images)
	}
}

// strideOf is how many calls there are for one that is made to fail: each sync is.
func strideOf(name, errno string) int {
	switch {
	case errno == "ENOSPC":
		return 8
	case strings.HasSuffix(name, "sync"):
		return 1
	}
	return 3
}

// failAt does a script with a call that fails, and looks at so many images of a
// power cut after that. hit: there was such a call. The verdict is nil if it was
// not the store that made it.
func failAt(t *testing.T, script string, f fault, images int) (v *verdict, hit bool) {
	t.Helper()
	dir := fastFolder(t)
	run := runTraced(t, workloadRun{dir: dir, script: script, fault: f})
	at := slices.IndexFunc(run.calls, func(c *call) bool { return strings.Contains(c.text, "(INJECTED)") })
	if at < 0 {
		return nil, false
	}
	if !slices.ContainsFunc(run.calls[:at], (*call).isSpeech) && run.calls[at].name == "openat" && !strings.Contains(run.calls[at].text, hexOf(dir)) {
		return nil, true // the program's own start
	}
	if !slices.ContainsFunc(run.calls, (*call).isSpeech) && !strings.Contains(run.stderr, "workload:") {
		return nil, true // it has not come to the workload
	}
	if strings.Contains(run.stderr, "netpollBreak write failed") {
		return nil, true // Go's own write, which wakes a thread, and which it does not survive
	}
	if run.err != nil {
		t.Fatalf("%v: %.100s: %v: %s", f, run.calls[at].text, run.err, run.stderr)
	}
	v = judge(t, run.script, someMoments(replay(t, run, run.calls[at].end)), images)
	for i, text := range v.examples {
		v.examples[i] = fmt.Sprintf("after %v (%.60s): %s\n%s", f, run.calls[at].text, text, run.stderr)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	return v, true
}

// hexOf writes text as strace -xx does.
func hexOf(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, `\x%02x`, text[i])
	}
	return b.String()
}

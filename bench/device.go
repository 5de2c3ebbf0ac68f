package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// deviceBytes returns what the system counts as written to the device by this
// process, of files, in whole pages; 0 where it does not count.
func deviceBytes() (int64, error) { return procNumber("/proc/self/io", "write_bytes:") }

// givenToWrite returns how many bytes this process has passed to write calls, also
// those to pipes; 0 where the system does not count. deviceBytes counts the cached
// pages that become dirty, which on some systems are larger than what was written.
func givenToWrite() (int64, error) { return procNumber("/proc/self/io", "wchar:") }

// procNumber returns the number after a name in a file of /proc.
func procNumber(file, name string) (int64, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // not Linux
	}
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		}
	}
	return 0, errors.New(file + " has no " + name)
}

// usage is the memory of a process in bytes.
type usage struct {
	Peak      int64 // resident, with what is mapped of files
	Anonymous int64 // resident without that, at its highest
}

// A memoryWatch looks at the anonymous memory now and then, of which the system
// does not keep the peak.
type memoryWatch struct{ anonymous atomic.Int64 }

func watchMemory() *memoryWatch {
	m := new(memoryWatch)
	go func() { // until the process ends
		for ; ; time.Sleep(20 * time.Millisecond) {
			if kB, err := procNumber("/proc/self/status", "RssAnon:"); err == nil {
				m.anonymous.Store(max(m.anonymous.Load(), kB<<10))
			}
		}
	}()
	return m
}

func (m *memoryWatch) usage() (usage, error) {
	kB, err := procNumber("/proc/self/status", "VmHWM:")
	return usage{Peak: kB << 10, Anonymous: m.anonymous.Load()}, err
}

// settled waits until the process does next to nothing, so that what an engine
// does in the background after a bulk load disturbs no other, and returns what
// it has written to the device since it began.
func settled() (int64, error) {
	const (
		look    = 100 * time.Millisecond
		longest = 2 * time.Minute
		idle    = look / 20
		enough  = 3 // looks in a row
	)
	quiet := 0
	for begin := time.Now(); quiet < enough && time.Since(begin) < longest; {
		before := cpuTime()
		time.Sleep(look)
		if cpuTime()-before < idle {
			quiet++
		} else {
			quiet = 0
		}
	}
	return deviceBytes()
}

// diskSize returns what the files in a folder take of the disk.
func diskSize(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += allocated(info)
		}
		return err
	})
	return n, err
}

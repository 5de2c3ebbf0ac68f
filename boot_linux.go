package doorlog

import (
	"bytes"
	"encoding/hex"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// thisBoot returns the ID of the system's present run, and a clock that tells how long the
// system has run, time in suspend included.
func thisBoot() boot {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id") // a UUID
	id, herr := hex.DecodeString(string(bytes.ReplaceAll(bytes.TrimSpace(text), []byte("-"), nil)))
	if err != nil || herr != nil || len(id) != len(ID{}) || sinceBoot() == 0 {
		return thisProcess()
	}
	return boot{id: ID(id), lasts: true, running: sinceBoot}
}

// sinceBoot returns how long the system has run; 0 if that is not known.
func sinceBoot() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

package pace

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// YieldThread lets another thread that is ready run on this processor. Go's
// scheduler has no such call: it shares out goroutines, and the thread of one that
// comes back from the disk waits for the system to take a processor from another.
func YieldThread() { _, _, _ = syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

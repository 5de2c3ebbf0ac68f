package pace

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// YieldThread lets another thread that is ready run on this processor. Go's scheduler
// has no such call: runtime.Gosched yields to goroutines, not to threads. A thread that
// comes back from the disk would otherwise wait until the system preempts another one.
func YieldThread() { _, _, _ = syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

package doorlog_test

import "golang.org/x/sys/unix"

// limitMemory has the process end if it wants more memory than that of its own.
func limitMemory(bytes uint64) {
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes}); err != nil {
		panic(err)
	}
}

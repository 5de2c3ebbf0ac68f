package fault

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError converts the value of a panic, which a damaged file caused in bolt or in an
// access to mapped memory, to an error that is [ErrCorrupt].
func PanicError(p any) error {
	if err, ok := p.(error); ok {
		if errors.Is(err, ErrCorrupt) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return fmt.Errorf("%w: %v", ErrCorrupt, p)
}

// Guarded runs fn. If fn panics, or reading mapped memory faults, Guarded returns
// [ErrCorrupt].
func Guarded(fn func() error) (err error) {
	defer Catch(debug.SetPanicOnFault(true), &err)
	return fn()
}

// Catch sets err to [ErrCorrupt] if the function that defers it panics, or if reading
// mapped memory faults there. Defer it with the result of debug.SetPanicOnFault(true).
// That setting belongs to one goroutine; Catch restores it.
func Catch(panicOnFault bool, err *error) {
	debug.SetPanicOnFault(panicOnFault)
	if p := recover(); p != nil {
		*err = PanicError(p)
	}
}

// CatchPanic is [Catch] for code in which faults of mapped memory are panics already.
func CatchPanic(err *error) {
	if p := recover(); p != nil {
		*err = PanicError(p)
	}
}

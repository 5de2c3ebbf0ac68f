package fault

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError makes an error of what a damaged file made bolt, or a memory
// access, panic with.
func PanicError(p any) error {
	if err, ok := p.(error); ok {
		if errors.Is(err, ErrCorrupt) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return fmt.Errorf("%w: %v", ErrCorrupt, p)
}

// Guarded runs fn; a panic of it, or a fault of the mapped memory, is an error.
func Guarded(fn func() error) (err error) {
	defer Catch(debug.SetPanicOnFault(true), &err)
	return fn()
}

// Catch ends a guarded piece of reading: a panic, or a fault of the mapped
// memory, becomes ErrCorrupt. It is deferred with the result of
// debug.SetPanicOnFault(true), which holds for one goroutine and is set back.
func Catch(panicOnFault bool, err *error) {
	debug.SetPanicOnFault(panicOnFault)
	if p := recover(); p != nil {
		*err = PanicError(p)
	}
}

// CatchPanic is catch where faults are errors already.
func CatchPanic(err *error) {
	if p := recover(); p != nil {
		*err = PanicError(p)
	}
}

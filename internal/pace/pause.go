// Package pace has ways to wait: for some time, for a lock, for other threads.
package pace

import (
	"context"
	"time"
)

// HalfTime returns a function that a walk over a folder calls for each file. After every
// 256 files the function sleeps as long as they have taken, so that the walk works half of
// the time. It returns the error of ctx if ctx ends meanwhile.
func HalfTime(ctx context.Context) func() error {
	const piece = 256
	files, begun := 0, time.Now()
	return func() error {
		if files++; files%piece != 0 {
			return nil
		}
		err := Pause(ctx, time.Since(begun))
		begun = time.Now()
		return err
	}
}

// Pause waits for d. If ctx ends first, it returns the error of ctx.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

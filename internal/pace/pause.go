// Package pace is about waiting: for a time, for a lock, for others.
package pace

import (
	"context"
	"time"
)

// HalfTime returns what is to be called for each file of a folder, and lets as much
// time go by, a piece at a time, as looking at them has taken.
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

// Pause waits; its error is that of a context that ends meanwhile.
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

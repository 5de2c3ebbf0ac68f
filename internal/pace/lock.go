package pace

import (
	"context"
	"sync"
)

// Locks are locks by key: a call holds the lock of a key while others wait for that one,
// and not for those of other keys. The zero value has none that is held.
type Locks[K comparable] struct {
	mu   sync.Mutex
	held map[K]chan struct{} // closed when the lock is free
}

// Lock waits until nobody else has the lock of a key, and takes it until unlock is
// called. If ctx ends before, it returns the error of ctx.
func (l *Locks[K]) Lock(ctx context.Context, key K) (unlock func(), err error) {
	for {
		l.mu.Lock()
		free, held := l.held[key]
		if !held {
			break
		}
		l.mu.Unlock()
		select {
		case <-free:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(map[K]chan struct{})
	}
	free := make(chan struct{})
	l.held[key] = free
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, key)
		close(free)
	}, nil
}

// A Mutex is a lock that is waited for until a context ends. The zero value is free.
type Mutex struct{ locks Locks[struct{}] }

// Lock waits until nobody else has the lock, and takes it until unlock is called. If ctx
// ends before, it returns the error of ctx.
func (m *Mutex) Lock(ctx context.Context) (unlock func(), err error) {
	return m.locks.Lock(ctx, struct{}{})
}

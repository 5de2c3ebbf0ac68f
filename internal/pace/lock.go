package pace

import (
	"context"
	"sync"
)

// Locks is a set of locks, one for each key. Callers wait only for others that hold the
// lock of the same key. In the zero value no lock is held.
type Locks[K comparable] struct {
	mu   sync.Mutex
	held map[K]chan struct{} // closed when the lock is free
}

// Lock waits until the lock of key is free and takes it. The caller holds it until it
// calls unlock. If ctx ends first, Lock returns the error of ctx.
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

// A Mutex is a lock; a context can end the wait for it. The zero value is free.
type Mutex struct{ locks Locks[struct{}] }

// Lock waits until the lock is free and takes it. The caller holds it until it calls
// unlock. If ctx ends first, Lock returns the error of ctx.
func (m *Mutex) Lock(ctx context.Context) (unlock func(), err error) {
	return m.locks.Lock(ctx, struct{}{})
}

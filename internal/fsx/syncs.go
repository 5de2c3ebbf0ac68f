package fsx

import (
	"errors"
	"os"
	"sync"
)

// Syncs sync and close files, several at once, as a disk takes them together.
type Syncs struct {
	files chan *os.File
	wg    sync.WaitGroup
	mu    sync.Mutex
	err   error
}

const syncsAtOnce = 16

func NewSyncs() *Syncs {
	s := &Syncs{files: make(chan *os.File, syncsAtOnce)}
	for range syncsAtOnce {
		s.wg.Go(func() {
			for f := range s.files {
				if err := errors.Join(f.Sync(), f.Close()); err != nil {
					s.mu.Lock()
					s.err = errors.Join(s.err, err)
					s.mu.Unlock()
				}
			}
		})
	}
	return s
}

// Add takes a file. Its error is of one before it.
func (s *Syncs) Add(f *os.File) error {
	s.files <- f
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Wait returns when all files are durable.
func (s *Syncs) Wait() error {
	close(s.files)
	s.wg.Wait()
	return s.err
}

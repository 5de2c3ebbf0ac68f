package fault

import "fmt"

// An ItemError is an error about one of several things that a call was given.
type ItemError struct {
	Index int // its place in the list, from 0
	Err   error
}

// About returns an [ItemError], or nil if err is nil.
func About(i int, err error) error {
	if err == nil {
		return nil
	}
	return &ItemError{i, err}
}

// Error returns the place and the text of the error.
func (e *ItemError) Error() string { return fmt.Sprintf("events[%d]: %v", e.Index, e.Err) }

// Unwrap returns the error.
func (e *ItemError) Unwrap() error { return e.Err }

// Package fault has the errors that the packages of doorlog share. The root package
// exports them under the same names.
package fault

import (
	"errors"
	"fmt"
)

// What callers tell apart with errors.Is.
var (
	// ErrInvalid: the caller gave something that cannot be stored or asked
	// for. The text names the field. Nothing was changed.
	ErrInvalid = errors.New("invalid")

	// ErrTooLarge: a limit on size was passed. It comes together with ErrInvalid
	// where an event or a person was refused because of it.
	ErrTooLarge = errors.New("too large")
)

// A FieldError says which field of what the caller gave is refused, and why.
// It is ErrInvalid, and also ErrTooLarge where a limit was passed. Find it in
// an error with errors.As.
type FieldError struct {
	// Field is the name that the field has in JSON, such as "camera_id" or
	// "detections[3].confidence", or a Go name such as "Options.MaxSize".
	Field string `json:"field"`

	// Problem says what is wrong with it, such as "is empty".
	Problem string `json:"problem"`

	// TooLarge says that a limit was passed.
	TooLarge bool `json:"too_large"`
}

// Error returns the field and the problem.
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Is reports whether target is ErrInvalid, or ErrTooLarge where that holds.
func (e *FieldError) Is(target error) bool {
	return target == ErrInvalid || e.TooLarge && target == ErrTooLarge
}

// Invalid returns a FieldError that is ErrInvalid.
func Invalid(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// TooLarge returns a FieldError that is ErrInvalid and ErrTooLarge.
func TooLarge(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...), TooLarge: true}
}

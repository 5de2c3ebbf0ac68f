// Package fault declares the errors that the packages of doorlog share. The root package
// exports them under the same names.
package fault

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrInvalid: an argument cannot be stored or asked for. The text names the
	// field. Nothing was changed.
	ErrInvalid = errors.New("invalid")

	// ErrTooLarge: something exceeds a size limit. If an event or a person was
	// refused for that reason, the error is ErrInvalid as well.
	ErrTooLarge = errors.New("too large")
)

// A FieldError names a field that was refused, and the reason. It is [ErrInvalid], and
// also [ErrTooLarge] if the field exceeds a limit. Extract it with errors.As.
type FieldError struct {
	// Field is the name that the field has in JSON, such as "camera_id" or
	// "detections[3].confidence", or a Go name such as "Options.MaxSize".
	Field string `json:"field"`

	// Problem says what is wrong with it, such as "is empty".
	Problem string `json:"problem"`

	// TooLarge reports whether the field exceeds a limit.
	TooLarge bool `json:"too_large"`
}

// Error returns the field and the problem.
func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Is reports whether target is [ErrInvalid], or, if e.TooLarge is set, [ErrTooLarge].
func (e *FieldError) Is(target error) bool {
	return target == ErrInvalid || e.TooLarge && target == ErrTooLarge
}

// Invalid returns a [FieldError] that is [ErrInvalid].
func Invalid(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
}

// TooLarge returns a [FieldError] that is [ErrInvalid] and [ErrTooLarge].
func TooLarge(field, format string, args ...any) error {
	return &FieldError{Field: field, Problem: fmt.Sprintf(format, args...), TooLarge: true}
}

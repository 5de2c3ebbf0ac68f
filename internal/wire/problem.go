// Package wire is what the server in package web and the clients say to each other: how a query
// is written into a URL, and how an error becomes JSON and an error again.
package wire

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"

	"github.com/doorlog/doorlog"
)

// ContentTypeProblem is the media type of an error (RFC 9457).
const ContentTypeProblem = "application/problem+json"

// typePrefix and a code make the type of a problem.
const typePrefix = "urn:doorlog:problem:"

// A Problem is an error in the form of RFC 9457. As an error it reads, and is told apart with
// errors.Is and errors.As, like the error of the library from which it was made.
type Problem struct { //nolint:errname // it is what RFC 9457 calls it
	// Type is urn:doorlog:problem: and the first of Codes.
	Type   string `json:"type"`
	Title  string `json:"title"`  // what all problems of this type have in common
	Status int    `json:"status"` // of HTTP
	Detail string `json:"detail"` // the text of the error

	// Codes are the sentinel errors that the error is, such as "invalid" and "too-large".
	Codes []string `json:"codes"`

	// Field is the parameter or field of the request that was refused, and Reason says what is
	// wrong with it. They are empty if the error is about no field.
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason,omitempty"`

	// Result is what a long call has done in spite of the error.
	Result json.RawMessage `json:"result,omitempty"`
}

// The errors that only a server has.
var (
	// ErrUnauthorized: there is no token, or it is not valid.
	ErrUnauthorized = errors.New("a token is needed")

	// ErrForbidden: the token does not allow that.
	ErrForbidden = errors.New("the token does not allow that")

	// ErrChanged: the event is not what the caller has read (If-Match).
	ErrChanged = errors.New("the event has changed meanwhile")

	// ErrTooMany: too many requests or streams.
	ErrTooMany = errors.New("too many requests")

	// ErrRequest: the request cannot be understood, or there is no such address.
	ErrRequest = errors.New("bad request")
)

// A kind is a sentinel error, the code that stands for it, and the status of HTTP.
type kind struct {
	err    error
	code   string
	status int
	title  string
}

// kinds is in the order in which they decide the type and the status of an error that is
// several of them.
var kinds = []kind{
	{ErrUnauthorized, "unauthorized", http.StatusUnauthorized, "A token is needed"},
	{ErrForbidden, "forbidden", http.StatusForbidden, "The token does not allow that"},
	{ErrTooMany, "too-many", http.StatusTooManyRequests, "Too many requests"},
	{ErrChanged, "changed", http.StatusPreconditionFailed, "The event has changed meanwhile"},
	{doorlog.ErrCorrupt, "corrupt", http.StatusInternalServerError, "The disk holds damaged data"},
	{doorlog.ErrUnknownOutcome, "unknown-outcome", http.StatusInternalServerError, "The write may or may not be there"},
	{doorlog.ErrMoved, "moved", http.StatusServiceUnavailable, "The file was moved"},
	{doorlog.ErrFailed, "failed", http.StatusServiceUnavailable, "The store takes no writes"},
	{doorlog.ErrFull, "full", http.StatusInsufficientStorage, "There is no room"},
	{doorlog.ErrTooLarge, "too-large", http.StatusRequestEntityTooLarge, "Too large"},
	{doorlog.ErrBadCursor, "bad-cursor", http.StatusBadRequest, "No cursor of this query"},
	{doorlog.ErrGone, "gone", http.StatusGone, "The changes after this cursor are gone"},
	{doorlog.ErrInvalid, "invalid", http.StatusBadRequest, "Invalid value"},
	{doorlog.ErrExists, "exists", http.StatusConflict, "Exists already, with other content"},
	{doorlog.ErrNotFound, "not-found", http.StatusNotFound, "Not found"},
	{doorlog.ErrSymlink, "symlink", http.StatusConflict, "A symbolic link is in the way"},
	{doorlog.ErrHardLinks, "hard-links", http.StatusConflict, "The file has other names"},
	{doorlog.ErrFolder, "folder", http.StatusConflict, "Not the store's thumbnail folder"},
	{doorlog.ErrReadOnly, "read-only", http.StatusConflict, "The store is read-only"},
	{doorlog.ErrLocked, "locked", http.StatusServiceUnavailable, "The file is in use"},
	{doorlog.ErrClosed, "closed", http.StatusServiceUnavailable, "The store is closed"},
	{doorlog.ErrNoLocks, "no-locks", http.StatusInternalServerError, "The file system has no locks"},
	{doorlog.ErrNotStore, "not-store", http.StatusInternalServerError, "Not a store"},
	{doorlog.ErrByteOrder, "byte-order", http.StatusInternalServerError, "Of the other byte order"},
	{doorlog.ErrNewerSchema, "newer-schema", http.StatusInternalServerError, "Of a newer version"},
	{doorlog.ErrOlderSchema, "older-schema", http.StatusInternalServerError, "Of an older version"},
	{doorlog.ErrNotBackup, "not-backup", http.StatusBadRequest, "Not a backup"},
	{fs.ErrNotExist, "no-file", http.StatusNotFound, "The file is gone"},
	{errors.ErrUnsupported, "unsupported", http.StatusNotImplemented, "Not possible on this system"},
	{context.DeadlineExceeded, "timeout", http.StatusGatewayTimeout, "It took too long"},
	{context.Canceled, "canceled", http.StatusServiceUnavailable, "The call was interrupted"},
	{ErrRequest, "request", http.StatusBadRequest, "Bad request"},
}

// internal is the code of an error that is none of the kinds.
const internal = "internal"

// ProblemOf returns the problem for an error that is not nil. If the error is a Problem, or wraps
// one, that is returned.
func ProblemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	p := &Problem{Detail: err.Error()}
	for _, k := range kinds {
		if !errors.Is(err, k.err) {
			continue
		}
		if len(p.Codes) == 0 {
			p.Title, p.Status = k.title, k.status
		}
		p.Codes = append(p.Codes, k.code)
	}
	if len(p.Codes) == 0 {
		p.Codes, p.Title, p.Status = []string{internal}, "Internal error", http.StatusInternalServerError
	}
	p.Type = typePrefix + p.Codes[0]
	if f, ok := errors.AsType[*doorlog.FieldError](err); ok {
		p.Field, p.Reason = requestField(f.Field), f.Problem
	}
	return p
}

// BadRequest returns a problem of this status for a request that cannot be served as it is.
func BadRequest(status int, detail string) *Problem {
	return &Problem{
		Type: typePrefix + "request", Title: http.StatusText(status), Status: status, Detail: detail, Codes: []string{"request"},
	}
}

// Error returns the text of the error from which p was made.
func (p *Problem) Error() string { return p.Detail }

// Is reports whether the error from which p was made is target, one of the sentinel errors.
func (p *Problem) Is(target error) bool {
	for _, code := range p.Codes {
		for _, k := range kinds {
			if k.code == code && k.err == target {
				return true
			}
		}
	}
	return false
}

// As sets target, a **doorlog.FieldError, to the field that was refused.
func (p *Problem) As(target any) bool {
	f, ok := target.(**doorlog.FieldError)
	if !ok || p.Field == "" {
		return false
	}
	*f = &doorlog.FieldError{Field: p.libraryField(), Problem: p.Reason, TooLarge: p.Is(doorlog.ErrTooLarge)}
	return true
}

package web

import (
	"fmt"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// A Grant says what a token allows.
type Grant struct {
	Read  bool `json:"read"`
	Write bool `json:"write"` // events, and places in the changes

	// Cameras, if not empty, limits Write to the events of these cameras.
	Cameras []string `json:"cameras,omitempty"`

	// Admin allows everything, also to delete events, to change persons and to look after the store.
	Admin bool `json:"admin"`
}

// everything is what the socket and loopback allow.
var everything = Grant{Read: true, Write: true, Admin: true}

// allows reports whether g has what a route needs at least.
func (g *Grant) allows(n need) bool {
	switch n {
	case public:
		return true
	case needsRead:
		return g.Read || g.Admin
	case needsWrite:
		return g.Write || g.Admin
	}
	return g.Admin
}

// An access is the store as far as one caller may use it. It is the one place that checks grants:
// handlers have no other way to the store, and each of its methods checks first. So a route that is
// wrong in the table, or forgets a check, opens nothing.
type access struct {
	st     *doorlog.Store
	tokens *Tokens
	grant  Grant

	// again returns what the token allows now, or an error if it is not valid any more: a stream
	// asks from time to time. It is nil if there is no token.
	again func() (Grant, error)
}

// may returns ErrForbidden unless the caller has what n names. It is the only function that decides
// that: guard calls it with what the table of routes says, and each method of access again.
func (a *access) may(n need, to string) error {
	if a.grant.allows(n) {
		return nil
	}
	return fmt.Errorf("%w: %s", wire.ErrForbidden, to)
}

// askAgain finds out what the caller may do now.
func (a *access) askAgain() error {
	if a.again == nil {
		return nil
	}
	grant, err := a.again()
	a.grant = grant
	return err
}

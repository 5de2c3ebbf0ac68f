package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/doorlog/doorlog"
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

// A Token lets its bearer use the store. The server keeps no more than a hash of its secret.
type Token struct {
	Name string `json:"name"`
	Grant
	CreatedAt time.Time `json:"created_at"`
}

// Tokens returns the tokens of the store, without their secrets.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	return get[[]Token](ctx, c, "tokens", "/v1/tokens", nil)
}

// AddToken makes a token and returns its secret, which is told only this once. The error is
// [doorlog.ErrExists] if the name is taken.
func (c *Client) AddToken(ctx context.Context, name string, grant Grant) (token Token, secret string, err error) {
	r, err := post(fmt.Sprintf("add token %q", name), "/v1/tokens", struct {
		Name string `json:"name"`
		Grant
	}{name, grant})
	if err != nil {
		return token, "", err
	}
	r.repeat = never // the secret would be lost, and the name taken
	var answer struct {
		Token
		Secret string `json:"token"`
	}
	err = c.json(ctx, r, &answer)
	return answer.Token, answer.Secret, err
}

// RemoveToken revokes a token. The error is [doorlog.ErrNotFound] if there is none of that name.
func (c *Client) RemoveToken(ctx context.Context, name string) error {
	doing := fmt.Sprintf("remove token %q", name)
	if name == "" {
		return fmt.Errorf("doorlog: %s: %w", doing, doorlog.ErrNotFound)
	}
	return c.gone(ctx, &request{doing: doing, method: http.MethodDelete, path: "/v1/tokens/" + url.PathEscape(name), repeat: ofWrite})
}

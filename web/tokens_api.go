package web

import (
	"net/http"
	"net/url"
)

var tokenRoutes = []route{
	{http.MethodGet, "/v1/tokens", needsAdmin, noBody, (*call).getTokens},
	{http.MethodPost, "/v1/tokens", needsAdmin, smallBody, (*call).postToken},
	{http.MethodDelete, "/v1/tokens/{name}", needsAdmin, noBody, (*call).deleteToken},
}

func (c *call) getTokens() error {
	if err := c.nothing(); err != nil {
		return err
	}
	tokens, err := c.Tokens()
	return list(c, tokens, err)
}

// A newToken is a token with its secret, which is told once.
type newToken struct {
	Token
	Secret string `json:"token"`
}

func (c *call) postToken() error {
	var in struct {
		Name string `json:"name"`
		Grant
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	token, secret, err := c.AddToken(in.Name, in.Grant)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/v1/tokens/"+url.PathEscape(token.Name))
	return c.respond(http.StatusCreated, newToken{token, secret})
}

func (c *call) deleteToken() error {
	if err := c.nothing(); err != nil {
		return err
	}
	return c.done(c.RemoveToken(c.params["name"]))
}

// Tokens is [Tokens.List].
func (a *access) Tokens() ([]Token, error) {
	if err := a.may(needsAdmin, "list tokens"); err != nil {
		return nil, err
	}
	return a.tokens.List()
}

// AddToken is [Tokens.Add].
func (a *access) AddToken(name string, grant Grant) (Token, string, error) {
	if err := a.may(needsAdmin, "add tokens"); err != nil {
		return Token{}, "", err
	}
	return a.tokens.Add(name, grant)
}

// RemoveToken is [Tokens.Remove].
func (a *access) RemoveToken(name string) error {
	if err := a.may(needsAdmin, "remove tokens"); err != nil {
		return err
	}
	return a.tokens.Remove(name)
}

package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/fault"
)

// Limits of the tokens of a store.
const (
	maxTokens       = 1000
	maxTokenCameras = 100 // of one token
	maxTokenFile    = 64 << 20
	maxSecret       = 512 // longer ones are not looked for
	tokenVersion    = 1
)

// A tokenRecord is a token in the file.
type tokenRecord struct {
	Token
	Digest digest `json:"sha256"`
}

// A tokenDocument is the file.
type tokenDocument struct {
	Version int           `json:"version"`
	Tokens  []tokenRecord `json:"tokens"`
}

func formatTokens(list []tokenRecord) ([]byte, error) {
	if list == nil {
		list = []tokenRecord{}
	}
	text, err := json.MarshalIndent(tokenDocument{tokenVersion, list}, "", "  ")
	if len(text) >= maxTokenFile {
		return nil, fmt.Errorf("the file would have %d bytes: %w", len(text), doorlog.ErrTooLarge)
	}
	return append(text, '\n'), err
}

// parseTokens reads what formatTokens writes. An empty file has no tokens.
func parseTokens(text []byte) ([]tokenRecord, error) {
	if len(text) == 0 {
		return nil, nil
	}
	if len(text) > maxTokenFile {
		return nil, fmt.Errorf("it has more than %d bytes: %w", maxTokenFile, doorlog.ErrTooLarge)
	}
	var doc tokenDocument
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it is damaged: something follows the JSON document")
	}
	if doc.Version != tokenVersion {
		return nil, fmt.Errorf("it has version %d, and this program reads version %d", doc.Version, tokenVersion)
	}
	if len(doc.Tokens) > maxTokens {
		return nil, fmt.Errorf("it has %d tokens, more than %d: %w", len(doc.Tokens), maxTokens, doorlog.ErrTooLarge)
	}
	names, digests := make(map[string]bool), make(map[digest]bool)
	for i := range doc.Tokens {
		r := &doc.Tokens[i]
		if err := r.valid(); err != nil {
			return nil, fmt.Errorf("it is damaged: tokens[%d]: %w", i, err)
		}
		if names[r.Name] || digests[r.Digest] || r.Digest == (digest{}) {
			return nil, fmt.Errorf("it is damaged: tokens[%d] is there twice, or has no secret", i)
		}
		names[r.Name], digests[r.Digest] = true, true
	}
	return doc.Tokens, nil
}

// valid returns an error if the token cannot be one.
func (t *Token) valid() error {
	if err := validTokenName("name", t.Name); err != nil {
		return err
	}
	switch {
	case !t.Read && !t.Write && !t.Admin:
		return invalid("grant", "allows nothing: read, write or admin is needed")
	case len(t.Cameras) > 0 && !t.Write:
		return invalid("cameras", "limits what may be written, and this token may not write")
	case len(t.Cameras) > 0 && t.Admin:
		return invalid("cameras", "limits nothing for an admin, who may do everything")
	case len(t.Cameras) > maxTokenCameras:
		return &doorlog.FieldError{Field: "cameras", Problem: fmt.Sprintf("has %d names, more than %d", len(t.Cameras), maxTokenCameras), TooLarge: true}
	}
	for i, camera := range t.Cameras {
		if err := fault.ValidName(fmt.Sprintf("cameras[%d]", i), camera, doorlog.MaxNameLen); err != nil {
			return err
		}
	}
	return nil
}

// validTokenName returns an error if name cannot be that of a token, which is in addresses and lists.
func validTokenName(field, name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return invalid(field, "%.40q holds a character that cannot be seen", name)
	}
	if strings.TrimSpace(name) != name {
		return invalid(field, "%.40q begins or ends with a space", name)
	}
	return fault.ValidName(field, name, doorlog.MaxNameLen)
}

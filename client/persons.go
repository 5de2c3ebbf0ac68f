package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/doorlog/doorlog"
)

func personPath(name string) string { return "/v1/persons/" + url.PathEscape(name) }

// Persons returns all persons, sorted by name.
func (c *Client) Persons(ctx context.Context) ([]doorlog.Person, error) {
	return get[[]doorlog.Person](ctx, c, "persons", "/v1/persons", nil)
}

// Person returns a person, or [doorlog.ErrNotFound].
func (c *Client) Person(ctx context.Context, name string) (doorlog.Person, error) {
	if name == "" {
		return doorlog.Person{}, fmt.Errorf("doorlog: person %q: %w", name, doorlog.ErrNotFound)
	}
	return get[doorlog.Person](ctx, c, "person", personPath(name), nil)
}

// PutPerson adds a person, or changes the one of that name: see [doorlog.Store.PutPerson].
func (c *Client) PutPerson(ctx context.Context, in doorlog.PersonInput) (p doorlog.Person, err error) {
	doing := fmt.Sprintf("put person %q", in.Name)
	if err := errors.Join(named("name", in.Name), isText("display_name", in.DisplayName)); err != nil {
		return p, fmt.Errorf("doorlog: %s: %w", doing, err)
	}
	r, err := post(doing, personPath(in.Name), in)
	if err != nil {
		return p, err
	}
	r.method = http.MethodPut
	err = c.json(ctx, r, &p)
	return p, err
}

// named returns an error for a name that cannot be in a path.
func named(field, name string) error {
	if name == "" {
		return &doorlog.FieldError{Field: field, Problem: "is empty"}
	}
	return isText(field, name)
}

// DeletePerson removes a person from the list of persons; events keep the name. The error is
// [doorlog.ErrNotFound] if there is no such person.
func (c *Client) DeletePerson(ctx context.Context, name string) error {
	doing := fmt.Sprintf("delete person %q", name)
	if name == "" {
		return fmt.Errorf("doorlog: %s: %w", doing, named("name", name))
	}
	return c.gone(ctx, &request{doing: doing, method: http.MethodDelete, path: personPath(name), repeat: ofWrite})
}

// SetAutoUnlock sets whether the door opens for a person. The error is [doorlog.ErrNotFound] if there is
// no such person.
func (c *Client) SetAutoUnlock(ctx context.Context, name string, on bool) error {
	doing := fmt.Sprintf("set auto unlock of %q", name)
	if name == "" {
		return fmt.Errorf("doorlog: %s: %w", doing, doorlog.ErrNotFound)
	}
	r, err := post(doing, personPath(name)+"/auto-unlock", struct {
		On bool `json:"on"`
	}{on})
	if err != nil {
		return err
	}
	r.method = http.MethodPut
	return c.done(ctx, r)
}

// AutoUnlockNames returns the names of the persons for whom the door opens, sorted.
func (c *Client) AutoUnlockNames(ctx context.Context) ([]string, error) {
	return get[[]string](ctx, c, "auto unlock names", "/v1/auto-unlock", nil)
}

// SyncPersons adds the persons whose face images are in a folder of this machine: see
// [doorlog.Store.SyncPersons].
func (c *Client) SyncPersons(ctx context.Context, dir string) (doorlog.PersonSync, error) {
	files, err := doorlog.FilesOfPersons(dir)
	if err != nil {
		return doorlog.PersonSync{}, fmt.Errorf("doorlog: sync persons: %w", err)
	}
	return c.SyncPersonFiles(ctx, files)
}

// SyncPersonFiles is [Client.SyncPersons] for the names of the files. That of a sub-folder ends in a
// slash.
func (c *Client) SyncPersonFiles(ctx context.Context, files []string) (sync doorlog.PersonSync, err error) {
	r, err := post("sync persons", "/v1/persons/sync", struct {
		Files doorlog.List[string] `json:"files"`
	}{files})
	if err != nil {
		return sync, err
	}
	err = c.json(ctx, r, &sync)
	return sync, err
}

// RenamePerson gives a person another name: see [doorlog.Store.RenamePerson].
func (c *Client) RenamePerson(ctx context.Context, from, to string) (*doorlog.Renamed, error) {
	return c.rename(ctx, fmt.Sprintf("rename person %q to %q", from, to), "/v1/persons/rename", from, to)
}

// RenameCamera gives a camera another name: see [doorlog.Store.RenameCamera].
func (c *Client) RenameCamera(ctx context.Context, from, to string) (*doorlog.Renamed, error) {
	return c.rename(ctx, fmt.Sprintf("rename camera %q to %q", from, to), "/v1/cameras/rename", from, to)
}

func (c *Client) rename(ctx context.Context, doing, path, from, to string) (*doorlog.Renamed, error) {
	if err := errors.Join(isText("from", from), isText("to", to)); err != nil {
		return nil, fmt.Errorf("doorlog: %s: %w", doing, err)
	}
	return long[doorlog.Renamed](ctx, c, doing, path, struct {
		From string `json:"from"`
		To   string `json:"to"`
	}{from, to}, never)
}

// ErasePerson removes all that the store knows of a person: see [doorlog.Store.ErasePerson].
func (c *Client) ErasePerson(ctx context.Context, name string, how doorlog.Erasure) (*doorlog.Erased, error) {
	doing := fmt.Sprintf("erase person %q", name)
	if err := isText("name", name); err != nil {
		return nil, fmt.Errorf("doorlog: %s: %w", doing, err)
	}
	return long[doorlog.Erased](ctx, c, doing, "/v1/erase", struct {
		Name string          `json:"name"`
		How  doorlog.Erasure `json:"how"`
	}{name, how}, never)
}

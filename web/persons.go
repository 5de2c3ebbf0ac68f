package web

import (
	"context"
	"net/http"

	"github.com/doorlog/doorlog"
)

var personRoutes = []route{
	{http.MethodGet, "/v1/persons", needsRead, noBody, (*call).persons},
	{http.MethodGet, "/v1/persons/{name}", needsRead, noBody, (*call).person},
	{http.MethodPut, "/v1/persons/{name}", needsAdmin, smallBody, (*call).putPerson},
	{http.MethodDelete, "/v1/persons/{name}", needsAdmin, noBody, (*call).deletePerson},
	{http.MethodPut, "/v1/persons/{name}/auto-unlock", needsAdmin, smallBody, (*call).setAutoUnlock},
	{http.MethodPost, "/v1/persons/rename", needsAdmin, smallBody, (*call).renamePerson},
	{http.MethodPost, "/v1/persons/sync", needsAdmin, smallBody, (*call).syncPersons},
	{http.MethodGet, "/v1/auto-unlock", needsRead, noBody, (*call).autoUnlock},
	{http.MethodPost, "/v1/erase", needsAdmin, smallBody, (*call).erase},
}

func (c *call) persons() error { return listed(c, c.Persons) }

func (c *call) autoUnlock() error { return listed(c, c.AutoUnlockNames) }

func (c *call) person() error {
	if err := c.nothing(); err != nil {
		return err
	}
	p, err := c.Person(c.ctx(), c.params["name"])
	return answer(c, p, err)
}

func (c *call) putPerson() error {
	var in doorlog.PersonInput
	if err := c.decode(&in); err != nil {
		return err
	}
	name := c.params["name"]
	if in.Name != "" && doorlog.NormalName(in.Name) != doorlog.NormalName(name) {
		return invalid("name", "is not that of the address")
	}
	in.Name = name
	p, err := c.PutPerson(c.ctx(), in)
	return answer(c, p, err)
}

func (c *call) deletePerson() error {
	if err := c.nothing(); err != nil {
		return err
	}
	return c.done(c.DeletePerson(c.ctx(), c.params["name"]))
}

func (c *call) setAutoUnlock() error {
	var in struct {
		On *bool `json:"on"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.On == nil {
		return invalid("on", "is missing")
	}
	return c.done(c.SetAutoUnlock(c.ctx(), c.params["name"], *in.On))
}

func (c *call) syncPersons() error {
	var in struct {
		Files []string `json:"files"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	result, err := c.SyncPersonFiles(c.ctx(), in.Files)
	return answer(c, result, err)
}

// names are the names of a rename.
type names struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (c *call) renamePerson() error {
	var in names
	if err := c.decode(&in); err != nil {
		return err
	}
	return long(c, func(ctx context.Context) (*doorlog.Renamed, error) { return c.RenamePerson(ctx, in.From, in.To) })
}

func (c *call) erase() error {
	var in struct {
		Name string          `json:"name"`
		How  doorlog.Erasure `json:"how"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	return long(c, func(ctx context.Context) (*doorlog.Erased, error) { return c.ErasePerson(ctx, in.Name, in.How) })
}

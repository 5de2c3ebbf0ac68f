package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// A changePrinter prints pages of changes. Each page is one write, so that nothing of it waits
// for the next.
type changePrinter struct {
	*app
	loc  *time.Location
	ends bool // tell people how to go on
	rows terminal.Rows
	head bool // the header was printed
}

func (p *changePrinter) print(page *doorlog.ChangePage) error {
	switch {
	case p.flags.json:
		return p.emit(page, nil)
	case p.flags.jsonl:
		var lines bytes.Buffer
		for i := range page.Changes {
			if err := terminal.WriteJSON(p.screen.JSON(&lines), &page.Changes[i], false); err != nil {
				return err
			}
		}
		_, err := p.out.Write(lines.Bytes())
		return err
	case len(page.Changes) == 0:
		return nil
	}
	rows := make([][]string, len(page.Changes))
	for i := range page.Changes {
		rows[i] = p.cells(&page.Changes[i])
	}
	if !p.head {
		rows = slices.Insert(rows, 0, []string{"TIME", fmt.Sprintf("%-*s", len(personRemoved), "CHANGE"), "CAMERA", "TYPE", "PERSON", "DOOR", "ID"})
		p.head = true
	}
	return p.screen.Print(p.out, func(w io.Writer) error { return p.rows.Write(w, rows...) })
}

const personRemoved = "person removed" // the longest word for a change

// cells returns what a row says of a change. The time is that of the event.
func (p *changePrinter) cells(c *doorlog.Change) []string {
	var at, camera, kind, person, door string
	op := c.Op.String()
	if c.Op <= doorlog.EventDeleted {
		at = c.ID.Time().In(p.loc).Format(timeLayout)
	}
	if e := c.Event; e != nil {
		camera, kind, person = e.Camera, string(e.Type), e.Person
		if e.Door != doorlog.NoAction {
			door = e.Door.String()
		}
	}
	if c.Person != nil {
		person = c.Person.Name
	}
	switch {
	case c.NoMatch:
		op = "no match"
	case c.Op == doorlog.PersonPut:
		op = "person put"
	case c.Op == doorlog.PersonRemoved:
		op = personRemoved
	}
	return []string{at, op, camera, kind, person, door, c.ID.String()}
}

// end says at the end how to go on.
func (p *changePrinter) end(at doorlog.Cursor, more bool) error {
	if p.flags.json || p.flags.jsonl {
		return nil
	}
	return p.screen.Print(p.out, func(w io.Writer) error {
		if !p.head {
			if _, err := fmt.Fprintln(w, "there are no changes"); err != nil {
				return err
			}
		}
		if !p.ends || at.IsZero() {
			return nil
		}
		before := "next: --after "
		if more {
			before = "more: --after "
		}
		return terminal.WriteWord(w, before, at.String())
	})
}

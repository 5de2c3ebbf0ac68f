package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/newfile"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// writeOutput has write produce the file of this name, or for "-" standard output: see
// [newfile.Write]. The file must not be the database.
func (a *app) writeOutput(name string, force bool, write func(w io.Writer, finish func() error) error) error {
	if name == "-" {
		w := bufio.NewWriterSize(a.out, 256<<10)
		if err := write(w, w.Flush); err != nil {
			return err
		}
		return w.Flush()
	}
	db, err := a.dbPath()
	if err != nil {
		return err
	}
	if isSameFile(statOf(name), statOf(db)) {
		return misuse("%s is the database", name)
	}
	err = newfile.Write(name, force, write)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: use --force to replace it", name)
	}
	return err
}

// emit prints one result: v in the JSON form that was asked for, else what
// text writes.
func (a *app) emit(v any, text func(io.Writer) error) error {
	if a.flags.json || a.flags.jsonl {
		return terminal.WriteJSON(a.screen.JSON(a.out), v, a.flags.json)
	}
	return a.screen.Print(a.out, text)
}

// tell writes a text for people to standard error, before a question.
func (a *app) tell(text func(io.Writer) error) error { return a.bars().Screen().Print(a.err, text) }

// emitList prints results: one array, a line each, or what text writes.
func emitList[T any](a *app, items []T, text func(io.Writer) error) error {
	if !a.flags.jsonl {
		if items == nil {
			items = []T{} // JSON: [], not null
		}
		return a.emit(items, text)
	}
	w := bufio.NewWriter(a.out)
	for _, item := range items {
		if err := terminal.WriteJSON(a.screen.JSON(w), item, false); err != nil {
			return err
		}
	}
	return w.Flush()
}

// emitDamage is emit for a result that may tell of damage, which is the error
// then, also if whoever read the result had enough.
func (a *app) emitDamage(v any, damage bool, text func(io.Writer)) error {
	err := a.emit(v, func(w io.Writer) error {
		text(w)
		return nil
	})
	if damage && (err == nil || errors.Is(err, syscall.EPIPE)) {
		return errDamage
	}
	return err
}

// toTerminal reports whether standard output is a terminal.
func (a *app) toTerminal() bool { return a.screen.Columns > 0 }

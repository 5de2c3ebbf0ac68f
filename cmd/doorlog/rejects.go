package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// shownRejects is how many bad lines are printed on standard error.
const shownRejects = 10

// rejects is the file to which import copies bad lines.
type rejects struct {
	f     *os.File
	w     *bufio.Writer
	count int
}

// openRejects opens or makes the file. It returns nil if the name is "". Because the file
// will be overwritten it must not be the input or the database.
func (a *app) openRejects(name string, input io.Reader) (*rejects, error) {
	if name == "" {
		return nil, nil
	}
	db, err := a.dbPath()
	if err != nil {
		return nil, err
	}
	onDB := misuse("--rejects %s is the database", name)
	if filepath.Clean(name) == filepath.Clean(db) {
		return nil, onDB // checked by name too, because the database may not exist yet
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("rejects: %w", err)
	}
	in, _ := input.(*os.File)
	switch {
	case isSameFile(f.Stat, in.Stat):
		err = misuse("--rejects %s is the input", name)
	case isSameFile(f.Stat, statOf(db)):
		err = onDB
	default:
		return &rejects{f: f, w: bufio.NewWriter(f)}, nil
	}
	_ = f.Close()
	return nil, err
}

// begin empties the file. r may be nil.
func (r *rejects) begin() error {
	if r == nil {
		return nil
	}
	info, err := r.f.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = r.f.Truncate(0)
	}
	return err
}

// add copies bad lines to the file, and explains the first ones. r may be nil if there are
// no lines.
func (r *rejects) add(explain io.Writer, lines []inputLine) error {
	for _, line := range lines {
		r.count++
		switch {
		case r.count <= shownRejects:
			fmt.Fprintf(explain, "doorlog: rejected %s\n", terminal.Printable(lineError{line.place, line.bad}.Error()))
		case r.count == shownRejects+1:
			fmt.Fprintln(explain, "doorlog: further rejected lines are not shown here")
		}
		if line.raw != nil { // nil: the line was too long to be kept
			r.w.Write(line.raw) //nolint:errcheck // Flush returns the error
			_ = r.w.WriteByte('\n')
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return r.w.Flush()
}

// close closes the file. r may be nil.
func (r *rejects) close() error {
	if r == nil {
		return nil
	}
	if err := r.f.Close(); err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	return nil
}

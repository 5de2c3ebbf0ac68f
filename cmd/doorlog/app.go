package main

import (
	"io"
	"os"
	"time"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// An app is one run of the program: its streams, its clock, and the flags that every
// command has.
type app struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	now func() time.Time

	pipe     *os.File        // what is behind out, if it is a file or a pipe
	patience time.Duration   // how long it waits for processes that have the database open
	screen   terminal.Screen // of out

	flags flags
	env   dotenv
	local *time.Location // set when location is called first

	servedDir string // the folder of the thumbnails of the server through which the command goes
}

// flags are those of every command. They are empty if they are not given.
type flags struct {
	db, thumbnails, zone string
	json, jsonl          bool
	socket               string // the path, or besideFile
	file                 bool
}

// A stickyWriter keeps the first error of its writer, and writes nothing after it. So one
// check at the end tells whether everything was written.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.w.Write(p)
	}
	return n, s.err
}

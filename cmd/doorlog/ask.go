package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// canAsk reports whether somebody can answer at standard input.
func (a *app) canAsk() bool {
	return terminal.Is(a.in)
}

// checkCanAsk returns an error if nobody can answer.
func (a *app) checkCanAsk() error {
	if !a.canAsk() {
		return misuse("standard input is no terminal to ask at: use --yes")
	}
	return nil
}

// confirm asks a question, and returns an error unless the answer is yes.
func (a *app) confirm(ctx context.Context, question string) error {
	fmt.Fprintf(a.err, "%s [y/N] ", terminal.Printable(question))
	// Reading a terminal cannot be cancelled: if ctx ends, the goroutine is left behind.
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.in).ReadString('\n') // an error means no
		answer <- line
	}()
	select {
	case line := <-answer:
		if !strings.HasSuffix(line, "\n") { // the input ended without an answer
			fmt.Fprintln(a.err)
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
		return errors.New("nothing was changed: the answer was not yes")
	case <-ctx.Done():
		fmt.Fprintln(a.err)
		return ctx.Err()
	}
}

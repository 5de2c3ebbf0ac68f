package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

// canAsk reports whether somebody sits at standard input.
func (a *app) canAsk() bool {
	return terminal.Is(a.in)
}

// confirm asks, and returns an error unless the answer is yes.
func (a *app) confirm(ctx context.Context, question string) error {
	fmt.Fprintf(a.err, "%s [y/N] ", terminal.Printable(question))
	// To read a terminal cannot be called off; its goroutine is left behind.
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.in).ReadString('\n') // none is not yes
		answer <- line
	}()
	select {
	case line := <-answer:
		if !strings.HasSuffix(line, "\n") { // the end of the input
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

// Command make makes a store of random events, and a file of queries with what the library answers, for
// tests in other languages:
//
//	go run ./internal/querytest/make -dir /tmp/asked -events 1000 -queries 2000
//
// writes /tmp/asked/events.db, and /tmp/asked/queries.jsonl with a querytest.Case a line. Today's
// count in the analytics ("today_count") is of the clock querytest.Now.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/querytest"
)

func main() {
	dir := flag.String("dir", "", "the `folder` to write to")
	events := flag.Int("events", 1000, "how many events")
	queries := flag.Int("queries", 2000, "how many queries")
	seed := flag.Uint64("seed", 1, "of the random numbers")
	flag.Parse()
	if err := run(*dir, *events, *queries, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "make:", err)
		os.Exit(1)
	}
}

func run(dir string, events, queries int, seed uint64) (err error) {
	if dir == "" {
		return errors.New("give a folder with -dir")
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	ctx, rng := context.Background(), rand.New(rand.NewPCG(seed, 1))
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{Now: func() time.Time { return querytest.Now }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := querytest.Fill(ctx, st, rng, events); err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(dir, "queries.jsonl"))
	if err != nil {
		return err
	}
	return errors.Join(querytest.WriteCases(ctx, out, st, rng, queries), out.Close())
}

// Command bolthold is the least that embeds bolthold: it stores a record and
// reads it. Its size is measured.
package main

import (
	"log"
	"path/filepath"

	"github.com/timshannon/bolthold"

	"github.com/doorlog/doorlog/bench/internal/scratch"
)

type event struct{ Camera string }

func main() { scratch.Run(run) }

func run(dir string) error {
	store, err := bolthold.Open(filepath.Join(dir, "events.db"), 0o600, nil)
	if err != nil {
		return err
	}
	if err := store.Insert(bolthold.NextSequence(), event{Camera: "front_door"}); err != nil {
		return err
	}
	var events []event
	if err := store.Find(&events, bolthold.Where("Camera").Eq("front_door")); err != nil {
		return err
	}
	log.Println(len(events))
	return store.Close()
}

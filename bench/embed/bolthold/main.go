// Command bolthold is the least that embeds bolthold: it stores a record and
// reads it. Its size is measured.
package main

import (
	"log"

	"github.com/timshannon/bolthold"
)

type event struct{ Camera string }

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	store, err := bolthold.Open("events.db", 0o600, nil)
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

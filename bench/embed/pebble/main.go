// Command pebble is the least that embeds Pebble: it stores a record and reads
// it. Its size is measured.
package main

import (
	"log"

	"github.com/cockroachdb/pebble/v2"

	"github.com/doorlog/doorlog/bench/internal/scratch"
)

func main() { scratch.Run(run) }

func run(dir string) error {
	db, err := pebble.Open(dir, nil)
	if err != nil {
		return err
	}
	if err := db.Set([]byte("1"), []byte("front_door"), pebble.Sync); err != nil {
		return err
	}
	value, closer, err := db.Get([]byte("1"))
	if err != nil {
		return err
	}
	log.Println(len(value))
	if err := closer.Close(); err != nil {
		return err
	}
	return db.Close()
}

// Command badger is the least that embeds Badger: it stores a record and reads
// it. Its size is measured.
package main

import (
	"log"

	"github.com/dgraph-io/badger/v4"

	"github.com/doorlog/doorlog/bench/internal/scratch"
)

func main() { scratch.Run(run) }

func run(dir string) error {
	db, err := badger.Open(badger.DefaultOptions(dir).WithSyncWrites(true))
	if err != nil {
		return err
	}
	if err := db.Update(func(tx *badger.Txn) error { return tx.Set([]byte("1"), []byte("front_door")) }); err != nil {
		return err
	}
	err = db.View(func(tx *badger.Txn) error {
		item, err := tx.Get([]byte("1"))
		if err == nil {
			log.Println(item.EstimatedSize())
		}
		return err
	})
	if err != nil {
		return err
	}
	return db.Close()
}

// Command badger is the least that embeds Badger: it stores a record and reads
// it. Its size is measured.
package main

import (
	"log"

	"github.com/dgraph-io/badger/v4"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	db, err := badger.Open(badger.DefaultOptions("events").WithSyncWrites(true))
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

// Command bbolt is the least that embeds bbolt: it stores a record and reads
// it. Its size is measured.
package main

import (
	"log"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog/bench/internal/scratch"
)

func main() { scratch.Run(run) }

func run(dir string) error {
	db, err := bolt.Open(filepath.Join(dir, "events.db"), 0o600, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("events"))
		if err != nil {
			return err
		}
		return b.Put([]byte("1"), []byte("front_door"))
	})
	if err != nil {
		return err
	}
	err = db.View(func(tx *bolt.Tx) error {
		log.Println(len(tx.Bucket([]byte("events")).Get([]byte("1"))))
		return nil
	})
	if err != nil {
		return err
	}
	return db.Close()
}

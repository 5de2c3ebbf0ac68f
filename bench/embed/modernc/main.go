// Command modernc is the least that embeds modernc.org/sqlite: it stores an event
// and reads it. Its size is measured.
package main

import (
	"context"
	"database/sql"
	"log"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver

	"github.com/doorlog/doorlog/bench/internal/scratch"
)

func main() { scratch.Run(run) }

func run(dir string) error {
	ctx := context.Background()
	db, err := sql.Open("sqlite", filepath.Join(dir, "events.db"))
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, camera_id TEXT)",
		"INSERT INTO events (camera_id) VALUES ('front_door')",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	var n int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM events").Scan(&n); err != nil {
		return err
	}
	log.Println(n)
	return db.Close()
}

package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/doorlog/doorlog"
)

// A backup goes to a file, which is synced before it counts.
func ExampleStore_Backup() {
	dir, err := os.MkdirTemp("", "doorlog")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
	if _, err := st.WriteEvent(ctx, doorlog.Event{Camera: "porch", RecordedAt: time.Now(), Type: doorlog.Motion}); err != nil {
		log.Fatal(err)
	}

	f, err := os.Create(filepath.Join(dir, "events.backup"))
	if err != nil {
		log.Fatal(err)
	}
	info, err := st.Backup(ctx, f, &doorlog.BackupOptions{Verify: true})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		log.Fatal(err)
	}
	fmt.Println("events:", info.Events, "missing thumbnails:", info.Missing)
	// Output: events: 1 missing thumbnails: 0
}

// The store of a backup is made again in a folder of its own, and opened there.
func ExampleRestore() {
	dir, err := os.MkdirTemp("", "doorlog")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	backup, err := exampleBackup(ctx, dir)
	if err != nil {
		log.Fatal(err)
	}

	f, err := os.Open(backup)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	restored := filepath.Join(dir, "restored")
	if _, err := doorlog.Restore(ctx, restored, f, nil); err != nil {
		log.Fatal(err)
	}
	st, err := doorlog.Open(filepath.Join(restored, "events.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
	events, err := st.Recent(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(events[0].Camera)
	// Output: porch
}

// exampleBackup makes a backup of a store with one event.
func exampleBackup(ctx context.Context, dir string) (name string, err error) {
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if _, err := st.WriteEvent(ctx, doorlog.Event{Camera: "porch", RecordedAt: time.Now(), Type: doorlog.Motion}); err != nil {
		return "", err
	}
	f, err := os.Create(filepath.Join(dir, "events.backup"))
	if err != nil {
		return "", err
	}
	_, err = st.Backup(ctx, f, nil)
	return f.Name(), errors.Join(err, f.Sync(), f.Close())
}

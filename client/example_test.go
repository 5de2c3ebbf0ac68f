package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
	"github.com/doorlog/doorlog/web"
)

// One program has the store open and serves it; another one reads and writes it over the socket beside
// the file.
func Example() {
	dir, err := os.MkdirTemp("", "dl")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "events.db")
	stop := serveStore(path)
	defer stop()

	ctx := context.Background()
	c, err := client.Open(ctx, client.Socket(path), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	_, err = c.WriteEvent(ctx, doorlog.Event{
		Camera: "front_door", RecordedAt: time.Date(2026, 2, 25, 7, 30, 0, 0, time.UTC), Type: doorlog.Ding,
		Person: "alice", UnlockGranted: true, Door: doorlog.Unlocked,
	})
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range c.Events(ctx, doorlog.Query{Persons: []string{"alice"}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Camera, e.Person, e.Door, e.RecordedAt.Format(time.TimeOnly))
	}
	_, err = c.WriteEvent(ctx, doorlog.Event{RecordedAt: time.Now(), Type: doorlog.Motion})
	fmt.Println(errors.Is(err, doorlog.ErrInvalid), err)
	// Output:
	// front_door alice unlocked 07:30:00
	// true doorlog: write event: camera_id: is empty
}

// serveStore opens a store and serves it until stop is called.
func serveStore(path string) (stop func()) {
	st, err := doorlog.Open(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan []net.Addr), make(chan error)
	go func() {
		ended <- web.Serve(ctx, st, &web.ServeOptions{
			Addresses: []string{""}, // the socket alone
			Ready:     func(addresses []net.Addr) { ready <- addresses },
		})
	}()
	<-ready
	return func() {
		cancel()
		if err := errors.Join(<-ended, st.Close()); err != nil {
			log.Fatal(err)
		}
	}
}

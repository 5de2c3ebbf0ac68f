// Command screenshots makes the pictures of the page that README and docs show: docs/page-*.jpg. They are of the
// household that doorlog demo makes, and are made again with
//
//	go run ./pagetest/screenshots
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/pagetest"
	"github.com/doorlog/doorlog/web"
)

// A picture is one file.
type picture struct {
	name    string
	address string
	view    pagetest.View
	script  string // runs before it is taken
}

var (
	screen = pagetest.View{Width: 1280, Height: 800, Zone: evening(time.Now())}
	phone  = pagetest.View{Width: 390, Height: 800, Scale: 1.5, Touch: true, Zone: screen.Zone}
)

// evening returns a zone where it is evening: then the household's day has been a full one.
func evening(now time.Time) string {
	zones := []string{"Europe/Berlin", "America/New_York", "America/Los_Angeles", "Pacific/Auckland", "Asia/Tokyo", "Asia/Kolkata"}
	for _, name := range zones {
		zone, err := time.LoadLocation(name)
		if hour := now.In(zone).Hour(); err == nil && hour >= 18 && hour < 23 {
			return name
		}
	}
	return zones[0]
}

func dark(v pagetest.View) pagetest.View {
	v.Dark = true
	return v
}

// maxBytes bounds all of them.
const maxBytes = 1 << 20

func main() {
	log.SetFlags(0)
	log.SetPrefix("screenshots: ")
	out := flag.String("out", "docs", "the `folder`")
	store := flag.String("store", "", "`folder` of a store to show (default: a new one, made by doorlog demo)")
	flag.Parse()
	if err := run(context.Background(), *store, *out); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir, out string) error {
	if dir == "" {
		made, err := os.MkdirTemp("", "doorlog-screenshots-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(made) //nolint:errcheck // a temporary folder
		dir = made
		demo := exec.CommandContext(ctx, "go", "run", "./cmd/doorlog", "demo", "--dir", dir, "--days", "30", "--tz", screen.Zone) //nolint:gosec // the folder is the caller's choice
		demo.Stdout, demo.Stderr = io.Discard, os.Stderr
		if err := demo.Run(); err != nil {
			return fmt.Errorf("make the household: %w", err)
		}
	}
	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // nothing is written
	pictures, err := choose(ctx, st)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- web.Serve(ctx, st, &web.ServeOptions{Socket: "-", Addresses: []string{"127.0.0.1:0"}, Ready: func(at []net.Addr) { ready <- at[0] }})
	}()
	select {
	case at := <-ready:
		err = takeAll(ctx, pictures, "http://"+at.String()+"/", out)
		cancel()
		return errors.Join(err, <-ended)
	case err := <-ended:
		cancel()
		return err
	}
}

// choose says what is shown: the last whole day, and on it the door that somebody opened.
func choose(ctx context.Context, st *doorlog.Store) ([]picture, error) {
	zone, err := time.LoadLocation(screen.Zone)
	if err != nil {
		return nil, err
	}
	now := time.Now().In(zone)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	shown, at := "", ""
	for e, err := range st.Events(ctx, doorlog.Query{Until: today, Doors: []doorlog.DoorAction{doorlog.Unlocked}}) {
		if err != nil {
			return nil, err
		}
		if e.Person != "" && len(e.Detections) > 1 {
			shown, at = e.ID.String(), e.RecordedAt.Format(time.RFC3339Nano)
			break
		}
	}
	day := "?view=day&at=" + at
	return []picture{
		{"page-feed", "", screen, ""},
		{"page-feed-phone", "", dark(phone), ""},
		{"page-detail", "?event=" + shown, screen, ""},
		{"page-day", day, dark(screen), ""},
		{"page-charts", "?view=charts", screen, ""},
		{"page-doors-phone", "?view=doors", phone, ""},
		{"page-people", "?view=people", screen, ""},
		{"page-health", "?view=health", screen, ""},
	}, nil
}

func takeAll(ctx context.Context, pictures []picture, url, out string) error {
	b, err := pagetest.StartBrowser(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	sum := 0
	for _, p := range pictures {
		jpeg, err := take(b, p, url)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		file := filepath.Join(out, p.name+".jpg")
		if err := os.WriteFile(file, jpeg, 0o644); err != nil { //nolint:gosec // for all to see
			return err
		}
		fmt.Printf("%s: %d KB\n", file, len(jpeg)/1000)
		sum += len(jpeg)
	}
	if sum > maxBytes {
		return fmt.Errorf("the pictures have %d bytes; they may have %d", sum, maxBytes)
	}
	return nil
}

// pictured is whether the pictures in view are there, where the view has some.
const pictured = `(() => {
	const seen = [...document.images].filter((e) => { const r = e.getBoundingClientRect(); return r.width > 0 && r.top < innerHeight && r.bottom > 0; });
	return seen.every((e) => e.complete && e.naturalWidth) && (seen.length > 0 || /charts|health/.test(location.search));
})()`

func take(b *pagetest.Browser, p picture, url string) ([]byte, error) {
	t, err := b.NewTab(p.view)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	if err := t.Open(url + p.address); err != nil {
		return nil, err
	}
	if err := t.Wait(`document.querySelector('h1, dialog')`); err != nil {
		return nil, err
	}
	if err := t.Rest(); err != nil {
		return nil, err
	}
	if p.script != "" {
		if err := t.Eval(p.script, nil); err != nil {
			return nil, err
		}
		if err := t.Rest(); err != nil {
			return nil, err
		}
	}
	if err := t.Wait(pictured); err != nil {
		return nil, err
	}
	for _, problem := range t.Problems() {
		fmt.Println(p.name, "has a problem:", problem)
	}
	return t.JPEG()
}

// Command shot takes a picture of the page as it is served at an address:
//
//	doorlog serve --db demo/events.db &
//	go run ./pagetest/shot -width 360 -dark -out phone.png 'http://127.0.0.1:7780/?view=doors'
//
// It prints what the console and the network complained of.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/doorlog/doorlog/pagetest"
)

func main() {
	log.SetFlags(0)
	var v pagetest.View
	flag.Int64Var(&v.Width, "width", 1440, "width in `pixels`")
	flag.Int64Var(&v.Height, "height", 0, "height in `pixels` (default: that of a phone, a tablet or a screen)")
	flag.BoolVar(&v.Dark, "dark", false, "dark colours")
	flag.BoolVar(&v.Reduced, "reduced", false, "reduced motion")
	flag.StringVar(&v.Language, "lang", "en", "`language` of the browser")
	flag.StringVar(&v.Zone, "tz", "UTC", "time `zone` of the browser")
	out := flag.String("out", "shot.png", "the `file`")
	script := flag.String("do", "", "JavaScript to run before the picture is taken")
	wait := flag.Duration("wait", time.Second, "how long to wait before the picture is taken")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("shot: give one address")
	}
	if v.Height == 0 {
		v.Height = map[bool]int64{true: 780, false: 1000}[v.Width < 600] //nolint:mnd // usual screens
	}
	v.Touch = v.Width < 600
	if err := shoot(v, flag.Arg(0), *script, *out, *wait); err != nil {
		log.Fatal("shot: ", err)
	}
}

func shoot(v pagetest.View, url, script, out string, wait time.Duration) error {
	b, err := pagetest.StartBrowser(context.Background())
	if err != nil {
		return err
	}
	defer b.Close()
	t, err := b.NewTab(v)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := t.Open(url); err != nil {
		return err
	}
	time.Sleep(wait)
	if script != "" {
		if err := t.Eval(script, nil); err != nil {
			return err
		}
		time.Sleep(wait)
	}
	png, err := t.Shot()
	if err != nil {
		return err
	}
	for _, problem := range t.Problems() {
		fmt.Println(problem)
	}
	return os.WriteFile(out, png, 0o600)
}

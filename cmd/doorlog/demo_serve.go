package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

const (
	demoAddress = "127.0.0.1:7780"
	demoPorts   = 10 // how many are tried if nobody has said which
)

// openListener opens the address of --listen before anything else is done, so that a port that is taken is
// told at once.
func (d *demo) openListener(ctx context.Context) (net.Listener, error) {
	host, port, err := net.SplitHostPort(d.listen)
	if err != nil {
		return nil, misuse("--listen is an address with a port such as %s, not %q", demoAddress, d.listen)
	}
	first, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, misuse("--listen has a port from 0 to 65535, not %q", port)
	}
	tries := 1
	if !d.listenSaid {
		tries = demoPorts
	}
	for i := range tries {
		var l net.Listener
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(first)+i)))
		if err == nil {
			return onLoopback(l, d.listen)
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return nil, fmt.Errorf("demo: %w: say another address with --listen, such as 127.0.0.1:0 for a port that is free", err)
}

// onLoopback refuses what the server would refuse, but only when all days are written.
func onLoopback(l net.Listener, said string) (net.Listener, error) {
	if at, ok := l.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		_ = l.Close() // nobody was told of it
		return nil, misuse("--listen %s is no loopback address, and the demo has neither tokens nor TLS: use \"doorlog serve\" for that", said)
	}
	return l, nil
}

// serve serves the store as "doorlog serve" does, until ctx ends, while the household goes on living.
func (d *demo) serve(ctx context.Context, listener net.Listener) error {
	a := d.app
	s := service{
		log:    slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: withoutTime})),
		tokens: web.OpenTokens(web.TokensPath(d.dbPath())),
	}
	ctx, cancel := context.WithCancel(ctx)
	var life sync.WaitGroup
	defer life.Wait()
	defer cancel()
	options := &web.ServeOptions{Listeners: []net.Listener{listener}, Socket: web.SocketPath(d.dbPath())}
	options.Ready = func(addresses []net.Addr) {
		a.printListening(addresses, options, "")
		if !a.flags.json && !a.flags.jsonl {
			fmt.Fprintf(a.out, "\nOpen %s in a browser. The household goes on living: something happens about every %v.\nCtrl-C ends it.\n",
				listeningAt(listener.Addr(), options), d.every)
		}
		s.ready(ctx, d.store)
		life.Go(func() { d.live(ctx, s.log) })
	}
	return s.serve(ctx, d.store, options)
}

// A goingOn is an event whose end is to be written.
type goingOn struct {
	id   doorlog.ID
	ends time.Time
}

// live writes what the cameras see from now on, until ctx ends. An event that cannot be written is left out: the page
// can have removed whatever it needs.
func (d *demo) live(ctx context.Context, log *slog.Logger) {
	life := d.house.Life(d.app.now())
	var open []goingOn
	for {
		select {
		case <-time.After(life.Wait(d.every)):
		case <-ctx.Done():
			d.end(context.WithoutCancel(ctx), open, d.app.now(), true)
			return
		}
		open = d.end(ctx, open, d.app.now(), false)
		s, lasts := life.Next(d.app.now())
		id, err := d.writeSighting(ctx, s)
		switch {
		case err == nil && lasts > 0:
			open = append(open, goingOn{id, s.Event.RecordedAt.Add(lasts)})
		case err != nil && ctx.Err() == nil:
			log.Warn("an event of the household could not be written", "error", err)
		}
	}
}

// end writes the ends of those events that are over, or of all, and returns the others.
func (d *demo) end(ctx context.Context, open []goingOn, now time.Time, all bool) (left []goingOn) {
	for _, one := range open {
		if one.ends.After(now) {
			if !all {
				left = append(left, one)
				continue
			}
			one.ends = now.Truncate(time.Millisecond)
		}
		// Somebody may have deleted it.
		_, _ = d.store.UpdateEvents(ctx, []doorlog.ID{one.id}, func(e *doorlog.Event) error {
			e.EndedAt = one.ends
			return nil
		})
	}
	return left
}

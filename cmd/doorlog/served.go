package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
)

// A servedStore is a store that a server has open, and answers for at its socket.
type servedStore struct {
	*client.Client
	folder string
	now    func() time.Time
}

func (s *servedStore) ThumbnailDir() string { return s.folder }

func (s *servedStore) Consumer(ctx context.Context, name string, options *doorlog.ConsumerOptions) (consumer, error) {
	c, err := s.Client.Consumer(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Prune and WouldPrune count ages from the clock of the command, which stands still while it asks.
func (s *servedStore) Prune(ctx context.Context, policy doorlog.Policy) (*doorlog.Pruned, error) {
	return s.Client.Prune(ctx, agedBy(policy, time.Since(s.now())))
}

func (s *servedStore) WouldPrune(ctx context.Context, policy doorlog.Policy) (*doorlog.Pruned, error) {
	return s.Client.WouldPrune(ctx, agedBy(policy, time.Since(s.now())))
}

// agedBy returns a policy that removes after some time what p removes now.
func agedBy(p doorlog.Policy, after time.Duration) doorlog.Policy {
	add := func(age *time.Duration) {
		if after > 0 && *age > 0 {
			*age += min(after, math.MaxInt64-*age)
		}
	}
	add(&p.MaxAge)
	add(&p.ThumbnailAge)
	p.Rules = slices.Clone(p.Rules)
	for i := range p.Rules {
		add(&p.Rules[i].MaxAge)
	}
	return p
}

// errNobody says that no server answers at a socket.
var errNobody = errors.New("no server answers")

// betweenTries is how long a command waits for the file before it looks for a server again.
const betweenTries = 100 * time.Millisecond

// orServer has open open the file at path. If another process has it open, and that is a server, it
// returns the server instead. Else it waits for either. wait is the LockTimeout with which the file is
// to be opened.
func (a *app) orServer(ctx context.Context, mode access, path string, open func(wait time.Duration) error) (*servedStore, error) {
	if a.flags.file {
		return nil, explainLock(open(a.patience))
	}
	if a.flags.socket != "" {
		server, err := a.dial(ctx, path, mode)
		if errors.Is(err, errNobody) {
			err = fmt.Errorf("--socket: %w: start \"doorlog serve\", or leave the flag out", err)
		}
		return server, err
	}
	deadline := time.Now().Add(a.patience)
	for wait := time.Duration(-1); ; wait = betweenTries {
		err := open(wait)
		if !errors.Is(err, doorlog.ErrLocked) {
			return nil, err
		}
		server, derr := a.dial(ctx, path, mode)
		switch {
		case !errors.Is(derr, errNobody):
			return server, derr
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case time.Now().After(deadline):
			return nil, explainLock(err)
		}
	}
}

// dial connects to the server of the store at path. The error is errNobody if there is none, or none
// that takes requests yet, or still does.
func (a *app) dial(ctx context.Context, path string, mode access) (*servedStore, error) {
	socket, err := a.socketPath(path)
	if err != nil {
		return nil, err
	}
	if socket == noSocket {
		return nil, fmt.Errorf("%w: SOCKET_PATH is off", errNobody)
	}
	asking, stop := context.WithTimeout(ctx, max(a.patience, time.Second))
	defer stop()
	c, err := client.Open(asking, "unix:"+socket, nil)
	if err != nil {
		return nil, noServer(socket, err)
	}
	st := &servedStore{Client: c, now: a.now}
	if err := a.goThrough(asking, st, mode); err != nil {
		return nil, errors.Join(noServer(socket, err), c.Close())
	}
	return st, nil
}

// goThrough finds out which thumbnails the server uses.
func (a *app) goThrough(ctx context.Context, st *servedStore, mode access) error {
	who, err := st.Server(ctx)
	if err != nil {
		return err
	}
	a.servedDir = who.Thumbnails
	if st.folder, err = a.thumbnailDir(); err != nil && mode.needsFolder() {
		return err
	}
	return nil
}

// noServer explains why a command cannot go through the server at a socket.
func noServer(socket string, err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("the socket %s belongs to another user: run the command as the user of the server", socket)
	case hasEnded(err), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w at %s", errNobody, socket)
	case errors.Is(err, client.ErrVersion):
		return fmt.Errorf("%w; use the doorlog of the version of the server", err)
	}
	return err
}

// hasEnded reports whether an error says that the server has gone away, or is about to.
func hasEnded(err error) bool {
	return errors.Is(err, client.ErrUnreachable) || errors.Is(err, doorlog.ErrClosed)
}

// needsFile refuses to do what only works on the file, if a server has that open. instead says what
// can be done.
func (a *app) needsFile(ctx context.Context, path, doing, instead string) error {
	switch {
	case a.flags.socket != "":
		return needsNoServer(doing)
	case a.flags.file:
		return nil
	}
	server, err := a.dial(ctx, path, reads)
	if err != nil {
		return nil //nolint:nilerr // if there is no server, the file can be opened
	}
	a.servedDir = ""
	return errors.Join(
		fmt.Errorf("%s: a server has %s open, and this works on the database itself: end the server before (%s)", doing, path, instead),
		server.Close(),
	)
}

func needsNoServer(doing string) error {
	return misuse("%s works on the database itself, and not through a server: leave --socket out", doing)
}

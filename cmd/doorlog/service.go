package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/web"
)

// A service is what the server and its service manager, such as systemd, tell each other. Without a
// manager nothing is told.
type service struct {
	log         *slog.Logger
	certificate certificate
	tokens      *web.Tokens

	mu       sync.Mutex
	stage    stage
	extended time.Time // when more time was asked for last
}

// A stage is how far a service has come.
type stage int

const (
	starting stage = iota
	serving
	ending
)

// enters notes that the service has come to a stage, and tells the manager so.
func (s *service) enters(stage stage, state string) {
	s.mu.Lock()
	s.stage = stage
	s.mu.Unlock()
	s.tell(state)
}

func (s *service) isServing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stage == serving
}

// tell sends a state to the manager (sd_notify(3)).
func (s *service) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("the service manager cannot be told", "state", state, "error", err)
	}
}

// ready says that the server listens, and begins to answer the watchdog. It does so until ctx ends.
func (s *service) ready(ctx context.Context, st *doorlog.Store) {
	s.enters(serving, daemon.SdNotifyReady+"\nSTATUS=serving")
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the watchdog is not understood", "error", err)
	}
	if every > 0 {
		go s.answerWatchdog(ctx, st, every/3)
	}
}

// answerWatchdog says that the server is alive as long as the store answers, even if with an error:
// what a restart would not change is no reason for one.
func (s *service) answerWatchdog(ctx context.Context, st *doorlog.Store, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		_, _ = st.Stats(ctx)
		s.tell(daemon.SdNotifyWatchdog)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (s *service) stopping() {
	s.log.Info("the server ends: it waits for the requests that have begun")
	s.enters(ending, daemon.SdNotifyStopping+"\nSTATUS=ending")
}

// progress asks the manager for more time as long as opening the store goes on.
func (s *service) progress(p doorlog.Progress) {
	const every = 5 * time.Second
	s.mu.Lock()
	late := s.stage == starting && time.Since(s.extended) > every
	if late {
		s.extended = time.Now()
	}
	s.mu.Unlock()
	if late {
		s.tell(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d\nSTATUS=%s", time.Minute.Microseconds(), p.Doing))
	}
}

// reloadOnHangUp reads the certificate and the tokens again at each SIGHUP, until end is called.
func (s *service) reloadOnHangUp() (end func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
				s.reload()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// reload reads the certificate and the tokens again. The manager is told so only while the server
// serves: that it is ready again would mean that it is ready.
func (s *service) reload() {
	if s.isServing() {
		s.tell(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	}
	failed := false
	if err := s.certificate.load(); err != nil {
		failed = true
		s.log.Error("the certificate could not be read again: the old one stays", "error", err)
	}
	// The server looks at the file itself whenever it needs a token. This says what is wrong with it.
	if err := s.tokens.Reload(); err != nil {
		failed = true
		s.log.Error("the tokens cannot be read: no token is valid until that is put right", "error", err)
	}
	if !failed {
		s.log.Info("certificate and tokens are read again; other settings need a restart")
	}
	if s.isServing() {
		s.tell(daemon.SdNotifyReady)
	}
}

// passedListeners returns the listeners that the manager has opened.
func passedListeners() (listeners []net.Listener, err error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, err
	}
	for i, l := range passed {
		if l == nil {
			return nil, fmt.Errorf("descriptor %d, which the service manager has passed, is not a socket that listens for connections", firstPassed+i)
		}
		if err := checkPassed(l); err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// firstPassed is the number of the first descriptor that is passed.
const firstPassed = 3

// checkPassed refuses a Unix socket that every user of the machine can open: there is no token to ask
// for on it.
func checkPassed(l net.Listener) error {
	address, ok := l.Addr().(*net.UnixAddr)
	if !ok {
		return nil
	}
	if l, ok := l.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false) // it is the manager's
	}
	info, err := os.Stat(address.Name)
	if err != nil {
		return fmt.Errorf("the socket that the service manager has passed: %w", err)
	}
	const others = 0o007
	if info.Mode().Perm()&others != 0 {
		return fmt.Errorf("every user of this machine can open %s, and may do everything then: set SocketMode=0660 or 0600", address.Name)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
	"github.com/doorlog/doorlog/web"
)

const serveHelp = `Open the database, and serve it to all other programs until a signal comes: to commands
of doorlog and other programs of this user through a Unix socket beside the database, and over HTTP, by default on 127.0.0.1:7780.
There is also the page that shows in a browser who was at the door: http://127.0.0.1:7780.
--page=false leaves it out. The server prints where it listens when it is ready; with --json
or --log-format json that is an object with listening, a list of addresses such as
"http://127.0.0.1:7780" and "unix:/srv/events.db.sock". While it runs, the other commands
go through its socket.

Each flag is also a variable of the environment and a setting of the file that --config
names. A flag comes before the environment, that before the file, and the file before the
default. "doorlog config example" prints such a file, and "doorlog config check" checks
one. Retention is off unless a setting turns it on: those have the meaning of the flags of
"doorlog prune".

Whoever can connect to 127.0.0.1 may do everything, unless --require-token is given.
Other addresses need a token ("doorlog token add") and a certificate.

SIGTERM and SIGINT end the server: streams end at once, and requests that have begun get
--drain to end. A second signal ends it without waiting. SIGHUP has it read the
certificate and the tokens again; other settings need a restart.

/metrics has figures for Prometheus, /healthz and /readyz say whether the server is well.
systemd can start it (Type=notify, with a watchdog) and pass it its sockets.`

func newServeCommand(a *app) *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the database to other programs",
		Long:  serveHelp,
		Example: `  doorlog serve
  doorlog serve --config /etc/doorlog/doorlog.toml
  doorlog serve --listen 127.0.0.1:8080 --retention-max-age 90d --compact-at 0.3
  doorlog serve --listen :7780 --tls-certificate cert.pem --tls-key key.pem`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := configPath(file, cmd.Flags().Changed(configFlag))
			if err != nil {
				return asMisuse(err)
			}
			c, wrong, err := a.loadConfig(path, cmd.Flags())
			if err == nil {
				err = wrong.err(c)
			}
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), c)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&file, configFlag, "", "`file` of settings (default $"+configVariable+", else none)")
	for _, s := range settings {
		s.addTo(f)
	}
	_ = cmd.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions([]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// socket returns the path of the socket, or off.
func (c *config) socket() string {
	if c.serve.Socket != "" {
		return c.serve.Socket
	}
	return web.SocketPath(c.db)
}

// serve opens the store and serves it until ctx ends.
func (a *app) serve(ctx context.Context, c *config) (err error) {
	log := a.serviceLogger(c)
	if names := unknownVariables(); len(names) > 0 {
		log.Warn("these variables are no settings", "variables", names)
	}
	s := service{
		log: log, certificate: certificate{file: c.certificate, key: c.key}, tokens: web.OpenTokens(web.TokensPath(c.db)),
	}
	if err := s.certificate.load(); err != nil {
		return err
	}
	listeners, err := passedListeners()
	if err != nil {
		return err
	}
	defer s.reloadOnHangUp()()
	st, err := a.openToServe(c, &s)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	options := c.serveOptions(listeners)
	options.Ready = func(addresses []net.Addr) {
		a.printListening(addresses, options, c.logFormat)
		s.ready(ctx, st)
	}
	return s.serve(ctx, st, options)
}

// serve serves an open store until ctx ends.
func (s *service) serve(ctx context.Context, st *doorlog.Store, options *web.ServeOptions) error {
	defer context.AfterFunc(ctx, s.stopping)()
	figures := newMetrics(st, s.log)
	options.TLS = s.certificate.config()
	options.Observe, options.Streams, options.Logger, options.Version = figures.observe, figures.streams, s.log, buildVersion()
	options.Extra = figures.routes()
	spare := make([]byte, spareHeap)
	defer runtime.KeepAlive(spare)
	return web.Serve(ctx, st, options)
}

// spareHeap is memory that a server allocates and never touches, so that it takes none. What a store keeps
// in memory is so little that the garbage collector would run after each 3 MiB of garbage, and take a fifth of
// the time of a busy server. With this it waits for 9 MiB more.
const spareHeap = 8 << 20

// openToServe opens the store. While that takes long, the service manager is told.
func (a *app) openToServe(c *config, s *service) (*doorlog.Store, error) {
	opts := a.options(&c.store, a.patience)
	opts.Logger, opts.Progress = s.log, s.progress
	st, err := doorlog.Open(c.db, opts)
	if err != nil {
		return nil, explainServeLock(err)
	}
	return st, nil
}

// explainServeLock adds to ErrLocked what to do.
func explainServeLock(err error) error {
	if errors.Is(err, doorlog.ErrLocked) {
		return fmt.Errorf("%w, which has it open: if that is a server, programs and commands can use it through its socket; "+
			"one program at a time can write", err)
	}
	return err
}

// serveOptions returns the options of the server but its hooks.
func (c *config) serveOptions(listeners []net.Listener) *web.ServeOptions {
	o := c.serve
	o.Listeners, o.Socket = listeners, c.socket()
	for _, l := range listeners {
		if l.Addr().Network() == "unix" && l.Addr().String() == o.Socket {
			o.Socket = off // it is there already
		}
	}
	if o.Socket == off {
		o.Socket = "-"
	}
	if len(listeners) > 0 && c.said["listen"].from == fromDefault {
		o.Addresses = nil
	}
	if len(o.Addresses) == 0 {
		o.Addresses = []string{""}
	}
	return &o
}

// printListening prints where the server listens: for people, or for programs as JSON.
func (a *app) printListening(addresses []net.Addr, o *web.ServeOptions, logFormat string) {
	programs := a.flags.json || a.flags.jsonl || logFormat == "json"
	var urls []string
	for _, address := range addresses {
		url := listeningAt(address, o)
		if programs && address.Network() == "unix" {
			url = "unix:" + url // as the clients take it
		}
		urls = append(urls, url)
	}
	if programs {
		_ = terminal.WriteJSON(a.out, map[string][]string{"listening": urls}, false) // a.out keeps the error
		return
	}
	for _, url := range urls {
		fmt.Fprintf(a.out, "listening on %s\n", url)
	}
}

// serviceLogger returns the logger of the server. In the journal of systemd a line has no time, which
// the journal adds, and its level is that of the journal.
func (a *app) serviceLogger(c *config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel}
	if c.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.err, options))
	}
	w := a.err
	if in, err := journal.StderrIsJournalStream(); err == nil && in {
		w = journalWriter{w}
		options.ReplaceAttr = withoutTime
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// A journalWriter writes lines of a log to the journal, each with its level as a prefix (sd-daemon(3)).
type journalWriter struct{ w io.Writer }

func (j journalWriter) Write(line []byte) (int, error) {
	prefix := "<6>"
	for level, is := range map[string]string{"level=ERROR": "<3>", "level=WARN": "<4>", "level=DEBUG": "<7>"} {
		if len(line) > len(level) && string(line[:len(level)]) == level {
			prefix = is
		}
	}
	if _, err := j.w.Write(append([]byte(prefix), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// listeningAt returns where a listener is: the URL of one for TCP, or the path of a socket.
func listeningAt(address net.Addr, o *web.ServeOptions) string {
	if address.Network() == "unix" {
		return address.String()
	}
	scheme := "http"
	if tcp, ok := address.(*net.TCPAddr); ok && o.TLS != nil && !tcp.IP.IsLoopback() {
		scheme = "https"
	}
	return scheme + "://" + address.String()
}

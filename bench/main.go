// Command bench measures doorlog beside its peers: the same events, the same
// questions, each engine as its own documentation says it should be used, all in
// one run in which they take turns. README.md says how each is set and why.
//
//	go run ./bench                          # everything, into bench/results
//	go run ./bench -events 30000 -runs 3    # a short look
//	go run ./bench -engines doorlog,pebble -questions event,newest
//	go run ./bench writes                   # what a durable write costs in each state of a store
//	go run ./bench readme                   # the figures of the README, from the newest results
//	go run ./bench readme -check            # fails unless they are those
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if os.Getenv(workerEnv) != "" {
		os.Exit(serve())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// command does what the arguments say.
func command(ctx context.Context, args []string, out, errOut io.Writer) error {
	if len(args) > 0 && args[0] == "readme" {
		return readmeCommand(args[1:], errOut)
	}
	if len(args) > 0 && args[0] == "writes" {
		return writesCommand(ctx, args[1:], out, errOut)
	}
	cfg, results, err := parse(args, errOut)
	if err != nil {
		return err
	}
	warnOfMemory(cfg.dir, errOut)
	p := newProgress(cfg)
	r, err := measure(ctx, cfg, p)
	p.done()
	if err != nil {
		return err
	}
	name, err := r.write(results)
	if err != nil {
		return err
	}
	if err := r.text(out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s.json, .md and plots\n", name)
	return err
}

// warnOfMemory says so if a folder is not on a disk.
func warnOfMemory(dir string, errOut io.Writer) {
	if fileSystem(dir) == tmpfs {
		fmt.Fprintf(errOut, "bench: %s is in memory, where nothing is durable: choose a folder on a disk with -dir\n", dir)
	}
}

func readmeCommand(args []string, errOut io.Writer) error {
	f := flag.NewFlagSet("bench readme", flag.ContinueOnError)
	f.SetOutput(errOut)
	check := f.Bool("check", false, "change nothing, and fail if the figures are not those of the newest results")
	readme := f.String("readme", "README.md", "`file` to change")
	results := f.String("results", "bench/results", "`folder` of the results")
	if err := f.Parse(args); err != nil {
		return err
	}
	return rewriteReadme(*readme, *results, *check)
}

func parse(args []string, errOut io.Writer) (cfg *config, results string, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errOut)
	cfg = new(config)
	events := f.String("events", "30000,300000,3000000", "numbers of events in the stores")
	engines := f.String("engines", "", "which, of "+strings.Join(engineNames(), ",")+" (default all)")
	asked := f.String("questions", "", "which, of "+strings.Join(questionNames(), ",")+" (default all)")
	f.IntVar(&cfg.runs, "runs", 7, "rounds of each question")
	f.DurationVar(&cfg.slice, "slice", 300*time.Millisecond, "how long an engine is asked the same thing in a round")
	f.DurationVar(&cfg.budget, "budget", time.Minute, "how long an engine may take for all rounds of a question")
	f.DurationVar(&cfg.loadBudget, "load-budget", 10*time.Minute, "how long an engine may take for the bulk load")
	f.StringVar(&cfg.dir, "dir", ".", "`folder` on the disk that is measured; the stores are removed again")
	f.StringVar(&results, "results", "bench/results", "`folder` of the results")
	if err := f.Parse(args); err != nil {
		return nil, "", err
	}
	if f.NArg() > 0 {
		return nil, "", fmt.Errorf("%q is an argument too many", f.Arg(0))
	}
	if cfg.runs < 1 || cfg.slice <= 0 || cfg.budget <= 0 || cfg.loadBudget <= 0 {
		return nil, "", errors.New("-runs, -slice, -budget and -load-budget must be more than 0")
	}
	if cfg.events, err = parseSizes(*events); err != nil {
		return nil, "", err
	}
	for _, name := range split(*engines, engineNames()) {
		s := specOf(name)
		if s == nil {
			return nil, "", fmt.Errorf("-engines: there is no %q; there are %s", name, strings.Join(engineNames(), ", "))
		}
		cfg.engines = append(cfg.engines, s)
	}
	for _, name := range split(*asked, questionNames()) {
		q := questionOf(name)
		if q == nil {
			return nil, "", fmt.Errorf("-questions: there is no %q; there are %s", name, strings.Join(questionNames(), ", "))
		}
		cfg.questions = append(cfg.questions, q)
	}
	return cfg, results, nil
}

// minEvents is the smallest store of which all questions can be asked.
const minEvents = 1000

func parseSizes(text string) (sizes []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < minEvents {
			return nil, fmt.Errorf("-events: %q is not a number of at least %d", part, minEvents)
		}
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes), nil
}

func split(text string, all []string) []string {
	if text == "" {
		return all
	}
	return strings.Split(text, ",")
}

func engineNames() (names []string) {
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return names
}

func questionNames() (names []string) {
	for _, q := range questions {
		names = append(names, q.Name)
	}
	return names
}

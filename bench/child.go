package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// A child is the process of an engine, seen from the one that asks.
type child struct {
	spec   *spec
	dir    string
	events int
	starts int

	cmd     *exec.Cmd
	in      io.WriteCloser
	replies chan reply // closed when the process ends
}

// errTooLong means that an answer did not come in time. The child is gone then.
var errTooLong = errors.New("it took too long")

// eventsAStart is more than a process writes, so that one which takes the place
// of another that was ended does not write the same events again.
const eventsAStart = 1_000_000

func (c *child) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.cmd = exec.Command(self) //nolint:gosec // this very program
	c.cmd.Env = append(os.Environ(), workerEnv+"="+c.spec.Name, workerDir+"="+c.dir, workerEvents+"="+strconv.Itoa(c.events),
		workerNext+"="+strconv.Itoa(c.events+c.starts*eventsAStart))
	c.starts++
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.replies = make(chan reply)
	go receive(out, c.replies)
	return nil
}

func receive(from io.Reader, to chan<- reply) {
	defer close(to)
	for dec := json.NewDecoder(from); ; {
		var rp reply
		if err := dec.Decode(&rp); err != nil {
			return // the process has ended; what it had to say is on standard error
		}
		to <- rp
	}
}

// call sends a request and waits for its reply until the patience ends, and
// with it the child: its engine cannot be told to stop.
func (c *child) call(rq request, patience time.Duration) (reply, error) {
	if err := json.NewEncoder(c.in).Encode(rq); err != nil {
		return reply{}, c.failed(&rq, err)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case rp, ok := <-c.replies:
		switch {
		case !ok:
			return rp, c.failed(&rq, errors.New("its process has ended"))
		case rp.Unasked:
			return rp, errUnasked
		case rp.Err != "":
			return rp, c.failed(&rq, errors.New(rp.Err))
		}
		return rp, nil
	case <-timer.C:
		c.kill()
		return reply{}, errTooLong
	}
}

func (c *child) failed(rq *request, err error) error {
	return fmt.Errorf("%s: %s %s: %w", c.spec.Name, rq.Do, rq.Question, err)
}

// stop ends the child in good order.
func (c *child) stop() error {
	if c.cmd == nil {
		return nil
	}
	closeErr := c.in.Close()
	for range c.replies { // until it has ended
		continue
	}
	err := c.cmd.Wait()
	c.cmd = nil
	return errors.Join(closeErr, err)
}

// kill ends the child at once. That it could be ended shows in Wait, and that
// it was is the only error there is.
func (c *child) kill() {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Kill()
	for range c.replies {
		continue
	}
	_ = c.cmd.Wait()
	c.cmd = nil
}

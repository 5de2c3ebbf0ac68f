package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/doorlog/doorlog"
)

// A pageCase is a fault, gone through in one way.
type pageCase struct {
	*pageJudge
	variant
	fault *pageFault
	n     int
	image []byte
	tr    *stateTruth
	st    *doorlog.Store
	found error // the first damage that was told of
}

// run returns the outcome, and the error that says more about it.
func (c *pageCase) run() (outcome int, err error) {
	if c.large {
		defer doorlog.SetWholeBelow(0)()
	}
	ctx := c.t.Context()
	path := c.lay(c.image)
	v, err := doorlog.Verify(ctx, path, judgeOptions())
	if err != nil && !c.saysSo(err) {
		return isWrong, wrong("Verify: %v", err)
	}
	sound := err == nil && v.Sound()
	opt := judgeOptions()
	opt.ReadOnly = c.readOnly
	c.st, err = doorlog.Open(path, opt)
	switch {
	case err != nil && !c.saysSo(err):
		return isWrong, wrong("Open: %v", err)
	case err != nil && sound:
		return isWrong, wrong("Verify says that it is sound, and Open: %v", err)
	case err != nil:
		return refusedFile, err
	}
	err = c.goThrough(ctx, path)
	if c.st != nil {
		_ = c.st.Close() // it is judged already
	}
	switch {
	case errors.Is(err, errWrong):
		return isWrong, err
	case c.found != nil && sound:
		return isWrong, wrong("Verify says that it is sound: %v", c.found)
	case c.found != nil:
		return toldLater, c.found
	}
	return outcome, nil
}

// saysSo reports whether an error of Verify or Open says that the file is damaged:
// that it is no store at all, only if no meta page is left.
func (c *pageCase) saysSo(err error) bool {
	d := damageCase{file: c.image}
	return isDamage(err) || d.beheaded(err)
}

// goThrough reads and writes. Its error is errWrong or nil.
func (c *pageCase) goThrough(ctx context.Context, path string) error {
	p := possibleOf(c.tr.events)
	if c.readOnly {
		return c.reads(ctx)
	}
	if !c.writesFirst {
		if err := c.reads(ctx); err != nil {
			return err
		}
	}
	all, err := c.writes(ctx, p)
	if err != nil {
		return err
	}
	if !c.few {
		if err := c.possibly(ctx, p); err != nil {
			return err
		}
	}
	err = c.st.Close()
	c.st = nil
	if err != nil && !isWriteDamage(err) {
		return wrong("Close: %v", err)
	}
	return c.afterwards(ctx, path, p, all && err == nil && !c.few) // few changes read little
}

// afterwards opens the file once more. all: every change has succeeded, so that all
// of the file has been read.
func (c *pageCase) afterwards(ctx context.Context, path string, p possible, all bool) error {
	sound := false
	var v *doorlog.Verification
	var err error
	if !c.few || c.n%4 == 0 {
		v, err = doorlog.Verify(ctx, path, judgeOptions())
		sound = err == nil && v.Sound()
	}
	if all && !sound {
		return wrong("every change succeeds, and then Verify says: %+v, %v", v, err)
	}
	if c.st, err = doorlog.Open(path, judgeOptions()); err != nil {
		if sound || !isDamage(err) {
			return wrong("after the changes, sound is %v, and Open: %v", sound, err)
		}
		c.found = errors.Join(c.found, err)
		return nil
	}
	before := c.found
	if err := c.possibly(ctx, p); err != nil {
		return fmt.Errorf("opened again: %w", err)
	}
	if all {
		for i, q := range c.lastQuestions(c.tr) {
			if i%8 != c.n%8 && !*whole {
				continue
			}
			if err := c.judgeQuestion(ctx, &q, c.tr.after[i]); err != nil {
				return fmt.Errorf("after the changes: %w", err)
			}
		}
	}
	if sound && c.found != nil && before == nil {
		return wrong("after the changes Verify says that it is sound, and then: %v", c.found)
	}
	return nil
}

// possibly compares the events with what they may be.
func (c *pageCase) possibly(ctx context.Context, p possible) error {
	err := p.judge(ctx, c.st)
	if errors.Is(err, errWrong) {
		return fmt.Errorf("after the changes: %w", err)
	}
	c.found = errors.Join(c.found, err)
	return nil
}

// reads asks all questions, each case another one first, while an iteration is under
// way.
func (c *pageCase) reads(ctx context.Context) error {
	next, stop := iter.Pull2(c.st.Events(ctx, doorlog.Query{}))
	defer stop()
	seen := []doorlog.Event{}
	ended := c.goOn(&seen, next, 1)
	knows := false
	for i := range c.tr.questions {
		at := (i + c.n) % len(c.tr.questions)
		if c.few && i > 4 && (i*c.n)%7 != 0 {
			continue // for each case others
		}
		before := c.found
		q := &c.tr.questions[at]
		got, err := q.answerTo(ctx, c.st)
		if err := judgeAnswer(q.name, got, err, c.tr.answers[at]); errors.Is(err, errWrong) {
			return err
		} else if err != nil && c.found == nil {
			c.found = fmt.Errorf("%s: %w", q.name, err)
		} else if err == nil && knows {
			return wrong("%s gives an answer after damage was found", q.name)
		}
		if before == nil && c.found != nil {
			knows = knowsDamage(ctx, c.st)
		}
	}
	if ended == nil {
		before := len(seen)
		if ended = c.goOn(&seen, next, len(c.tr.events)+1); knows && len(seen) > before {
			return wrong("an iteration goes on with %d events after damage was found", len(seen)-before)
		}
	}
	err := judgeAnswer("an iteration", seen, noEnd(ended), c.tr.answers[c.everything()])
	if errors.Is(err, errWrong) {
		return err
	}
	if c.found == nil {
		c.found = err
	}
	return nil
}

// everything is the number of the question for all events.
func (c *pageCase) everything() int {
	return slices.IndexFunc(c.tr.questions, func(q pageQuestion) bool { return q.name == "Events everything" })
}

// noEnd takes the end of an iteration for no error.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// goOn takes events from an iteration, until its end (io.EOF) or error.
func (c *pageCase) goOn(seen *[]doorlog.Event, next func() (doorlog.Event, error, bool), n int) error {
	for range n {
		e, err, more := next()
		if !more {
			return io.EOF
		}
		if err != nil {
			return err
		}
		*seen = append(*seen, e)
	}
	return nil
}

func (c *pageCase) judgeQuestion(ctx context.Context, q *pageQuestion, truth any) error {
	got, err := q.answerTo(ctx, c.st)
	if err = judgeAnswer(q.name, got, err, truth); errors.Is(err, errWrong) {
		return err
	}
	c.found = errors.Join(c.found, err)
	return nil
}

// isWriteDamage reports whether the error of a write says that something is damaged,
// or was before.
func isWriteDamage(err error) bool {
	return isDamage(err) || errors.Is(err, doorlog.ErrFailed) || errors.Is(err, doorlog.ErrUnknownOutcome)
}

// writes makes the changes, and says whether all of them have been made.
func (c *pageCase) writes(ctx context.Context, p possible) (all bool, err error) {
	all = true
	from := c.tr.events
	for i, change := range c.tr.changes {
		to := c.tr.steps[i]
		err := change.do(ctx, c.st)
		switch {
		case err == nil:
			p.change(from, to, true)
		case !isWriteDamage(err):
			return false, wrong("%s: %v", change.name, err)
		default:
			if c.found == nil {
				c.found = fmt.Errorf("%s: %w", change.name, err)
			}
			all = false
			if change.part || errors.Is(err, doorlog.ErrUnknownOutcome) {
				p.change(from, to, false)
			}
		}
		from = to
	}
	return all, nil
}

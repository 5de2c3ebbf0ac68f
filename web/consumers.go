package web

import "github.com/doorlog/doorlog"

func (c *call) getConsumers() error { return listed(c, c.Consumers) }

func (c *call) getConsumer() error {
	if err := c.nothing(); err != nil {
		return err
	}
	found, err := c.FindConsumer(c.ctx(), c.params["name"])
	return answer(c, found, err)
}

// putConsumer makes a consumer, or finds it as it is.
func (c *call) putConsumer() error {
	var asked struct {
		From doorlog.Cursor `json:"from"`
		Hold int            `json:"hold"`
	}
	if err := c.decode(&asked); err != nil {
		return err
	}
	made, err := c.Consumer(c.ctx(), c.params["name"], &doorlog.ConsumerOptions{From: asked.From, Hold: asked.Hold})
	return answer(c, made, err)
}

func (c *call) ackConsumer() error {
	var asked struct {
		Cursor *doorlog.Cursor `json:"cursor"`
	}
	if err := c.decode(&asked); err != nil {
		return err
	}
	if asked.Cursor == nil { // the zero one is a place, too
		return invalid("cursor", "is missing")
	}
	return c.done(c.Ack(c.ctx(), c.params["name"], *asked.Cursor))
}

func (c *call) deleteConsumer() error {
	if err := c.nothing(); err != nil {
		return err
	}
	return c.done(c.RemoveConsumer(c.ctx(), c.params["name"]))
}

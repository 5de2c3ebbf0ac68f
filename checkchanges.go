package doorlog

// changes checks the numbers of the changes. Those of the bucket and those of the tail follow each
// other from the first that is kept to the last, without a gap and without an overlap.
func (c *checker) changes() error {
	if c.damaged[changesSum] > 0 || c.known.seq < c.known.sums[changesSum].entries {
		if c.known.seq < c.known.sums[changesSum].entries {
			c.report(InvariantChanges, "there are %d changes, and the last one is %d", c.known.sums[changesSum].entries, c.known.seq)
		}
		return nil
	}
	inTail := changesOfTail(c.in.Cursor(tailNumber))
	next := c.known.trimmed() + 1
	skipTail := func() {
		for len(inTail) > 0 && inTail[0].seq == next {
			inTail, next = inTail[1:], next+1
		}
	}
	cursor := c.in.Cursor(changesSum)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		b, err := openChanges(k, v)
		if err != nil {
			return nil // the examination has reported it
		}
		if skipTail(); b.first != next {
			c.report(InvariantChanges, "change %d is followed by %d", next-1, b.first)
		}
		if b.len() > maxBlockChanges {
			c.report(InvariantChanges, "the block of change %d has %d", b.first, b.len())
		}
		next = b.until()
	}
	if skipTail(); next != c.known.seq+1 || len(inTail) > 0 {
		c.report(InvariantChanges, "the last change is %d, and not %d", next-1, c.known.seq)
	}
	return c.consumers()
}

// consumers checks that no consumer of this history lies behind its end.
func (c *checker) consumers() error {
	history, err := readLineage(c.in)
	if err != nil {
		return nil //nolint:nilerror // the examination has reported it
	}
	cursor := c.in.Cursor(consumersSum)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		r, err := decodeConsumer(k, v)
		if err != nil {
			c.report(InvariantChanges, "consumer %q: %v", k, err)
			continue
		}
		if err := validName("consumer", string(k)); err != nil {
			c.report(InvariantChanges, "consumer %q: %v", k, err)
		}
		if at := r.at; at.incarnation == history.incarnation && at.store == c.known.storeID && at.seq > c.known.seq {
			c.report(InvariantChanges, "consumer %q is at change %d, and the last one is %d", k, at.seq, c.known.seq)
		}
	}
	return nil
}

package doorlog

import "context"

// checkChanges checks the numbers of the changes. Those of the bucket and those of the tail follow each
// other from the first that is kept to the last, without a gap and without an overlap.
func (x *examination) checkChanges(ctx context.Context, in guarded) error {
	if kept := x.known.sums[changesSum].entries; x.known.seq < kept {
		x.report(InvariantChanges, "there are %d changes, and the last one is %d", kept, x.known.seq)
		return nil
	}
	if x.damaged[changesSum] > 0 {
		return nil
	}
	inTail := changesOfTail(in.Cursor(tailNumber))
	next := x.known.trimmed() + 1
	skipTail := func() {
		for len(inTail) > 0 && inTail[0].seq == next {
			inTail, next = inTail[1:], next+1
		}
	}
	cursor := in.Cursor(changesSum)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := openChanges(k, v)
		if err != nil {
			return nil //nolint:nilerr // the examination has reported it
		}
		if skipTail(); b.first != next {
			x.report(InvariantChanges, "change %d is followed by %d", next-1, b.first)
		}
		if b.len() > maxBlockChanges {
			x.report(InvariantChanges, "the block of change %d has %d", b.first, b.len())
		}
		next = b.until()
	}
	if skipTail(); next != x.known.seq+1 || len(inTail) > 0 {
		x.report(InvariantChanges, "the last change is %d, and not %d", next-1, x.known.seq)
	}
	return x.checkConsumers(in)
}

// checkConsumers checks that no consumer of this history lies behind its end.
func (x *examination) checkConsumers(in guarded) error {
	history, err := readLineage(in)
	if err != nil {
		return nil //nolint:nilerr // the examination has reported it
	}
	cursor := in.Cursor(consumersSum)
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		r, err := decodeConsumer(k, v)
		if err != nil {
			x.report(InvariantChanges, "consumer %q: %v", k, err)
			continue
		}
		if err := validName("consumer", string(k)); err != nil {
			x.report(InvariantChanges, "consumer %q: %v", k, err)
		}
		if at := r.at; at.incarnation == history.incarnation && at.store == x.known.storeID && at.seq > x.known.seq {
			x.report(InvariantChanges, "consumer %q is at change %d, and the last one is %d", k, at.seq, x.known.seq)
		}
	}
	return nil
}

package doorlog

import (
	"fmt"
	"time"
)

// keyPersons gives a key to each person who has none, because an earlier version has stored none, or
// has that of another one: a salvage can find somebody under an older name, too.
func (w *writeTx) keyPersons(ids *idSource, now time.Time) error {
	var persons []Person
	given := make(map[ID]bool)
	c := w.tx.Cursor(personsSum)
	for k, v := c.First(); k != nil; k, v = c.Next() {
		p, err := decodePerson(string(k), v)
		if err != nil {
			return fmt.Errorf("person %q: %w", k, err)
		}
		if p.Key == (ID{}) || given[p.Key] {
			persons = append(persons, p)
		}
		given[p.Key] = true
	}
	for _, p := range persons {
		var err error
		if p.Key, err = ids.next(now); err != nil {
			return err
		}
		if err := w.put(personsSum, []byte(p.Name), encodePerson(&p)); err != nil {
			return err
		}
	}
	return nil
}

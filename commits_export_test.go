package doorlog

import (
	bolt "go.etcd.io/bbolt"
)

// AfterCommits has fn called after each commit, before anybody is told of it.
func (s *Store) AfterCommits(fn func()) {
	s.commits.file.CommitTx = func(tx *bolt.Tx) error {
		err := tx.Commit()
		fn()
		return err
	}
}

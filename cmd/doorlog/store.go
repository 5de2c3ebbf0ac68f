package main

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/doorlog/doorlog"
)

// A store is what commands need of one. Its methods are those of [doorlog.Store], whether this
// process has the file open or a server answers for it. They return the same errors.
type store interface {
	events
	persons
	feed
	care

	// ThumbnailDir is the folder of the thumbnails, as it is shown to people.
	ThumbnailDir() string

	Close() error
}

type events interface {
	Event(ctx context.Context, id doorlog.ID) (doorlog.Event, error)
	Recent(ctx context.Context, n int) ([]doorlog.Event, error)
	Events(ctx context.Context, q doorlog.Query) iter.Seq2[doorlog.Event, error]
	Page(ctx context.Context, q doorlog.Query, at string) (doorlog.Page, error)
	Count(ctx context.Context, q doorlog.Query) (int, error)
	Explain(ctx context.Context, q doorlog.Query) (doorlog.Plan, error)
	Thumbnail(ctx context.Context, id doorlog.ID) ([]byte, error)
	Analytics(ctx context.Context, sc doorlog.Scope) (doorlog.Analytics, error)
	Cameras(ctx context.Context) ([]doorlog.CameraInfo, error)

	WriteEventWithFrame(ctx context.Context, e doorlog.Event, frame []byte) (doorlog.Event, error)
	WriteEventOnce(ctx context.Context, e doorlog.Event, frame []byte) (stored doorlog.Event, existed bool, err error)
	WriteEvents(ctx context.Context, events []doorlog.Event) ([]doorlog.Event, error)
	WriteEventsOnce(ctx context.Context, events []doorlog.Event, frames [][]byte) (stored []doorlog.Event, existed []bool, err error)
	DeleteEvent(ctx context.Context, id doorlog.ID) error
	Pin(ctx context.Context, id doorlog.ID) error
	Unpin(ctx context.Context, id doorlog.ID) error
	MarkReviewed(ctx context.Context, ids ...doorlog.ID) error
	UpdateEvents(ctx context.Context, ids []doorlog.ID, change func(*doorlog.Event) error) ([]doorlog.Event, error)

	// Known returns those of the IDs that an event has.
	Known(ctx context.Context, ids []doorlog.ID) ([]doorlog.ID, error)
}

type persons interface {
	Person(ctx context.Context, name string) (doorlog.Person, error)
	Persons(ctx context.Context) ([]doorlog.Person, error)
	PutPerson(ctx context.Context, p doorlog.PersonInput) (doorlog.Person, error)
	SetAutoUnlock(ctx context.Context, name string, on bool) error
	DeletePerson(ctx context.Context, name string) error
	SyncPersons(ctx context.Context, dir string) (doorlog.PersonSync, error)
}

type feed interface {
	Cursor(ctx context.Context) (doorlog.Cursor, error)
	ChangePage(ctx context.Context, after doorlog.Cursor, limit int, options *doorlog.ChangeOptions) (doorlog.ChangePage, error)
	Consumer(ctx context.Context, name string, options *doorlog.ConsumerOptions) (consumer, error)
	Consumers(ctx context.Context) ([]doorlog.ConsumerInfo, error)
	RemoveConsumer(ctx context.Context, name string) error
}

type consumer interface {
	Name() string
	Cursor(ctx context.Context) (doorlog.Cursor, error)
	Ack(ctx context.Context, at doorlog.Cursor) error
}

type care interface {
	Stats(ctx context.Context) (doorlog.Stats, error)
	Verify(ctx context.Context) (*doorlog.Verification, error)
	Prune(ctx context.Context, policy doorlog.Policy) (*doorlog.Pruned, error)
	WouldPrune(ctx context.Context, policy doorlog.Policy) (*doorlog.Pruned, error)
	Compact(ctx context.Context) (*doorlog.Compacted, error)
	ErasePerson(ctx context.Context, name string, how doorlog.Erasure) (*doorlog.Erased, error)
	RenameCamera(ctx context.Context, from, to string) (*doorlog.Renamed, error)
	RenamePerson(ctx context.Context, from, to string) (*doorlog.Renamed, error)
	Backup(ctx context.Context, w io.Writer, options *doorlog.BackupOptions) (*doorlog.BackupInfo, error)
}

// A fileStore is a store that this process has open.
type fileStore struct {
	*doorlog.Store
	thumbnails string
}

func (s *fileStore) ThumbnailDir() string { return s.thumbnails }

func (s *fileStore) Consumer(ctx context.Context, name string, options *doorlog.ConsumerOptions) (consumer, error) {
	c, err := s.Store.Consumer(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (s *fileStore) Known(ctx context.Context, ids []doorlog.ID) (known []doorlog.ID, err error) {
	err = s.View(ctx, func(sn *doorlog.Snapshot) error {
		for _, id := range ids {
			switch _, err := sn.Event(id); {
			case err == nil:
				known = append(known, id)
			case !errors.Is(err, doorlog.ErrNotFound):
				return err
			}
		}
		return nil
	})
	return known, err
}

package web

import (
	"context"
	"io"

	"github.com/doorlog/doorlog"
)

// What only an administrator may do. Each is the method of [doorlog.Store] of the same name.

// admin checks that the caller is an administrator, and calls fn.
func admin[T any](a *access, what string, fn func() (T, error)) (v T, err error) {
	if err := a.may(needsAdmin, what); err != nil {
		return v, err
	}
	return fn()
}

// PutPerson is [doorlog.Store.PutPerson].
func (a *access) PutPerson(ctx context.Context, in doorlog.PersonInput) (doorlog.Person, error) {
	return admin(a, "change persons", func() (doorlog.Person, error) { return a.st.PutPerson(ctx, in) })
}

// DeletePerson is [doorlog.Store.DeletePerson].
func (a *access) DeletePerson(ctx context.Context, name string) error {
	if err := a.may(needsAdmin, "delete persons"); err != nil {
		return err
	}
	return a.st.DeletePerson(ctx, name)
}

// SetAutoUnlock is [doorlog.Store.SetAutoUnlock].
func (a *access) SetAutoUnlock(ctx context.Context, name string, on bool) error {
	if err := a.may(needsAdmin, "change persons"); err != nil {
		return err
	}
	return a.st.SetAutoUnlock(ctx, name, on)
}

// SyncPersonFiles is [doorlog.Store.SyncPersonFiles].
func (a *access) SyncPersonFiles(ctx context.Context, files []string) (doorlog.PersonSync, error) {
	return admin(a, "add persons", func() (doorlog.PersonSync, error) { return a.st.SyncPersonFiles(ctx, files) })
}

// RenamePerson is [doorlog.Store.RenamePerson].
func (a *access) RenamePerson(ctx context.Context, from, to string) (*doorlog.Renamed, error) {
	return admin(a, "rename persons", func() (*doorlog.Renamed, error) { return a.st.RenamePerson(ctx, from, to) })
}

// RenameCamera is [doorlog.Store.RenameCamera].
func (a *access) RenameCamera(ctx context.Context, from, to string) (*doorlog.Renamed, error) {
	return admin(a, "rename cameras", func() (*doorlog.Renamed, error) { return a.st.RenameCamera(ctx, from, to) })
}

// ErasePerson is [doorlog.Store.ErasePerson].
func (a *access) ErasePerson(ctx context.Context, name string, how doorlog.Erasure) (*doorlog.Erased, error) {
	return admin(a, "erase persons", func() (*doorlog.Erased, error) { return a.st.ErasePerson(ctx, name, how) })
}

// Verify is [doorlog.Store.Verify].
func (a *access) Verify(ctx context.Context) (*doorlog.Verification, error) {
	return admin(a, "verify the store", func() (*doorlog.Verification, error) { return a.st.Verify(ctx) })
}

// Compact is [doorlog.Store.Compact].
func (a *access) Compact(ctx context.Context) (*doorlog.Compacted, error) {
	return admin(a, "compact the store", func() (*doorlog.Compacted, error) { return a.st.Compact(ctx) })
}

// Prune is [doorlog.Store.Prune] or, if dry is set, [doorlog.Store.WouldPrune].
func (a *access) Prune(ctx context.Context, policy doorlog.Policy, dry bool) (*doorlog.Pruned, error) {
	return admin(a, "prune events", func() (*doorlog.Pruned, error) {
		if dry {
			return a.st.WouldPrune(ctx, policy)
		}
		return a.st.Prune(ctx, policy)
	})
}

// ForgetMissing is [doorlog.Store.ForgetMissing] or, if dry is set, [doorlog.Store.WouldForgetMissing].
func (a *access) ForgetMissing(ctx context.Context, options *doorlog.ForgetOptions, dry bool) (*doorlog.Forgotten, error) {
	return admin(a, "forget missing thumbnails", func() (*doorlog.Forgotten, error) {
		if dry {
			return a.st.WouldForgetMissing(ctx, options)
		}
		return a.st.ForgetMissing(ctx, options)
	})
}

// Backup is [doorlog.Store.Backup].
func (a *access) Backup(ctx context.Context, w io.Writer, options *doorlog.BackupOptions) (*doorlog.BackupInfo, error) {
	return admin(a, "back up the store", func() (*doorlog.BackupInfo, error) { return a.st.Backup(ctx, w, options) })
}

// RecordBackup is [doorlog.Store.RecordBackup].
func (a *access) RecordBackup(ctx context.Context, info *doorlog.BackupInfo) error {
	if err := a.may(needsAdmin, "record a backup"); err != nil {
		return err
	}
	return a.st.RecordBackup(ctx, info)
}

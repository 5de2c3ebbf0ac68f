package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func newPersonsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "persons",
		Short:   "List and change the known persons",
		Long:    `List and change the known persons, and say whom the door may let in by itself ("auto-unlock").`,
		Example: "  doorlog persons list",
	}
	cmd.AddCommand(
		newPersonsListCommand(a),
		newPersonsAddCommand(a),
		newPersonsRenameCommand(a),
		newPersonsRemoveCommand(a),
		newPersonsAutoUnlockCommand(a),
		newPersonsSyncCommand(a),
	)
	return cmd
}

func newPersonsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the persons",
		Long:  "List the persons by name.",
		Example: `  doorlog persons list
  doorlog persons list --jsonl | jq -r 'select(.auto_unlock) | .name'`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l := listing[doorlog.Person]{
				what: "persons", read: store.Persons, headers: []string{"NAME", "DISPLAY NAME", "AUTO-UNLOCK", "ADDED"},
				row: func(p doorlog.Person, loc *time.Location) []string {
					return []string{p.Name, p.DisplayName, onOff(p.AutoUnlock), p.CreatedAt.In(loc).Format(timeLayout)}
				},
			}
			return l.print(cmd.Context(), a)
		},
	}
}

func newPersonsAddCommand(a *app) *cobra.Command {
	var p doorlog.PersonInput
	autoUnlock := true
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a person, or change one",
		Long: `Add a person. Events refer to the person by this name. If the name is known already,
only what flags say is changed. The database is made if it does not exist.

By default the display name is made from the name, Mary Ann for mary_ann, and the door
may let the person in. To forbid that write --auto-unlock=false, with the =.`,
		Example: `  doorlog persons add alice --display-name "Alice Smith"
  doorlog persons add courier --auto-unlock=false`,
		Args:              takes("NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Name = args[0]
			switch {
			case strings.TrimSpace(p.Name) == "":
				return misuse("NAME is empty")
			case cmd.Flags().Changed("display-name") && strings.TrimSpace(p.DisplayName) == "":
				return misuse("--display-name is empty")
			}
			if cmd.Flags().Changed("auto-unlock") {
				p.AutoUnlock = &autoUnlock
			}
			var kept doorlog.Person
			err := a.withStore(cmd.Context(), creates, func(ctx context.Context, st store) (err error) {
				kept, err = st.PutPerson(ctx, p)
				return err
			})
			if err != nil {
				return fromFlags(err)
			}
			return a.emitPerson(kept)
		},
	}
	cmd.Flags().StringVar(&p.DisplayName, "display-name", "", "the `name` to show (default made from NAME)")
	cmd.Flags().BoolVar(&autoUnlock, "auto-unlock", autoUnlock, "whether the door may let the person in by itself")
	return cmd
}

func newPersonsRemoveCommand(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a person from the list",
		Long: `Remove a person from the list of persons. Events of the person keep the name and their
pictures: to erase the name from the history as well, use "doorlog erase-person". The
display name and the permission to open the door are lost, so the command asks first. If
standard input is no terminal it needs --yes.`,
		Example: `  doorlog persons remove alice
  doorlog persons remove alice --yes`,
		Args:              takes("NAME"),
		ValidArgsFunction: completeFirst(a.completePersons),
		RunE: func(cmd *cobra.Command, args []string) error {
			question := fmt.Sprintf("remove %s from the list of persons? (events keep the name)", terminal.Printable(args[0]))
			return a.removeNamed(cmd.Context(), args[0], question, yes, store.DeletePerson)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

func newPersonsRenameCommand(a *app) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Give a person another name, in all events",
		Long: `Give a person another name, in all events and in the list of persons. Every Unicode
spelling of OLD is renamed. A display name that was made from the old name is made from
the new one. Pictures stay as they are, and so do attributes that are the name. Tell the
program that knows the faces the new name: a new event may have any name.

If NEW is there already, in events or in the list, the two become one person. This cannot
be undone, so the command asks first. If standard input is no terminal it needs --yes
then. If both are in the list, NEW keeps the display name, and the door may let the person
in by itself only if it might let in both.

The old name may still be in free parts of the file: "doorlog erase-person" erases a name.

` + renameHelp,
		Example: `  doorlog persons rename alcie alice
  doorlog persons rename mom maria --yes`,
		Args:              takes("OLD", "NEW"),
		ValidArgsFunction: completeTwo(a.completePersons),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.rename(cmd.Context(), &renaming{
				from: args[0], to: args[1], yes: yes,
				rename: store.RenamePerson, merges: mergesPersons,
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// mergesPersons asks whether two persons may become one, if both are there.
func mergesPersons(ctx context.Context, st store, from, to string) (question string, err error) {
	var what [2]string
	var autoUnlock [2]bool
	listed := 0
	for i, name := range [...]string{from, to} {
		p, err := st.Person(ctx, name)
		known := err == nil
		if err != nil && !errors.Is(err, doorlog.ErrNotFound) {
			return "", err
		}
		events, err := st.Count(ctx, doorlog.Query{Persons: []string{name}})
		if err != nil || events == 0 && !known {
			return "", err
		}
		what[i] = fmt.Sprintf("%s (%s)", name, plural(events, "event"))
		if autoUnlock[i] = p.AutoUnlock; known {
			listed++
		}
	}
	question = fmt.Sprintf("there are %s and %s: make them one person, %s, for good?", what[0], what[1], to)
	if listed == 2 && autoUnlock[0] != autoUnlock[1] {
		question += " (auto-unlock will be off, as it is for one of them)"
	}
	return question, nil
}

func newPersonsAutoUnlockCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "auto-unlock NAME on|off",
		Short:   "Say whether the door may let a person in by itself",
		Long:    "Say whether the door may let a person in by itself.",
		Example: "  doorlog persons auto-unlock alice off",
		Args:    takes("NAME", "on|off"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return []string{"on", "off"}, cobra.ShellCompDirectiveNoFileComp
			}
			return completeFirst(a.completePersons)(cmd, args, start)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			name, on := args[0], args[1] == "on"
			if !on && args[1] != "off" {
				return misuse("%q is neither on nor off", args[1])
			}
			if name == "" {
				return misuse("NAME is empty")
			}
			var kept doorlog.Person
			err := a.withStore(cmd.Context(), changes, func(ctx context.Context, st store) (err error) {
				if err = st.SetAutoUnlock(ctx, name, on); err != nil {
					return err
				}
				kept, err = st.Person(ctx, name)
				return err
			})
			if err != nil {
				return fromFlags(err)
			}
			return a.emitPerson(kept)
		},
	}
}

func newPersonsSyncCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "sync DIR",
		Short: "Add the persons of a folder of face images",
		Long: `Add a person for each name in a folder of face images: alice_1.jpg and alice_2.jpg are
images of alice. Persons who are known already stay unchanged, and nobody is removed. The
database is made if it does not exist.`,
		Example: "  doorlog persons sync ./known_faces",
		Args:    takes("DIR"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var sync doorlog.PersonSync
			if _, err := os.ReadDir(args[0]); err != nil { // fails before a database is made
				return fmt.Errorf("sync persons: %w", err)
			}
			err := a.withStore(cmd.Context(), creates, func(ctx context.Context, st store) (err error) {
				sync, err = st.SyncPersons(ctx, args[0])
				return err
			})
			if err != nil {
				return err
			}
			return a.emitSync(sync)
		},
	}
}

// emitPerson prints a person.
func (a *app) emitPerson(p doorlog.Person) error {
	return a.emit(p, func(w io.Writer) error {
		return terminal.WriteTable(w, nil, [][]string{
			{"name", p.Name}, {"display name", p.DisplayName}, {"auto-unlock", onOff(p.AutoUnlock)},
		})
	})
}

// emitSync prints what a sync did.
func (a *app) emitSync(sync doorlog.PersonSync) error {
	return a.emit(sync, func(w io.Writer) error {
		return terminal.WriteTable(w, nil, [][]string{
			{"added", strings.Join(sync.Added, ", ")},
			{"known already", strings.Join(sync.Known, ", ")},
			{"files skipped", strings.Join(sync.Skipped, ", ")},
		})
	})
}

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
	"github.com/doorlog/doorlog/web"
)

func newTokenCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke tokens for the server",
		Long: `Make, list and revoke the tokens that "doorlog serve" asks for. They are in a file beside
the database, FILE.tokens, which has no secrets, only their digests. A backup has no
tokens. A server that is running takes notice of each change by itself.`,
		Example: "  doorlog token add dashboard --read",
	}
	cmd.AddCommand(newTokenAddCommand(a), newTokenListCommand(a), newTokenRevokeCommand(a))
	return cmd
}

func newTokenAddCommand(a *app) *cobra.Command {
	var grant web.Grant
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a token",
		Long: `Make a token, and print its secret: this once, since it is kept nowhere. A program sends it
as "Authorization: Bearer SECRET". NAME says who has it.

--read allows to read all events, pictures and changes. --write allows to store and change
events, of the cameras of --camera alone if there are any. --admin allows everything, also
to delete events and to change persons. With --json it prints an object with name, read,
write, cameras, admin, created_at and token, which is the secret.`,
		Example: `  doorlog token add dashboard --read
  doorlog token add porch-camera --write --camera porch
  doorlog token add backup --admin > /root/backup.token`,
		Args:              takes("NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(_ *cobra.Command, args []string) error { return a.addToken(args[0], grant) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&grant.Read, "read", false, "allow to read everything")
	f.BoolVar(&grant.Write, "write", false, "allow to store and change events")
	f.StringArrayVar(&grant.Cameras, "camera", nil, "with --write: only events of this camera `NAME`; repeatable")
	f.BoolVar(&grant.Admin, "admin", false, "allow everything")
	_ = cmd.RegisterFlagCompletionFunc("camera", a.completeCameras)
	return cmd
}

// tokens returns the tokens of the database, which must exist, and its path.
func (a *app) tokens() (tokens *web.Tokens, db string, err error) {
	if a.flags.socket != "" {
		return nil, "", misuse("tokens are in a file beside the database, which a server reads: leave --socket out")
	}
	if db, err = a.existingDB(); err != nil {
		return nil, "", err
	}
	return web.OpenTokens(web.TokensPath(db)), db, nil
}

func (a *app) addToken(name string, grant web.Grant) error {
	switch {
	case !grant.Read && !grant.Write && !grant.Admin:
		return misuse("what may it do? Use --read, --write or --admin")
	case len(grant.Cameras) > 0 && !grant.Write:
		return misuse("--camera needs --write: it says of which cameras events may be written")
	case len(grant.Cameras) > 0 && grant.Admin:
		return misuse("--camera and --admin exclude each other: --admin allows everything")
	}
	tokens, db, err := a.tokens()
	if err != nil {
		return err
	}
	token, secret, err := tokens.Add(name, grant)
	switch {
	case errors.Is(err, doorlog.ErrExists):
		return fmt.Errorf("there is a token %q already: take another name, or revoke it first", name)
	case err != nil:
		return fromFlags(err)
	}
	given := giveToOwnerOf(db, web.TokensPath(db))
	told := struct {
		web.Token
		Secret string `json:"token"`
	}{token, secret}
	err = a.emit(told, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, secret)
		return err
	})
	if err == nil {
		fmt.Fprintf(a.err, "this is the only time that the token is shown: keep it where %s finds it\n", terminal.Printable(token.Name))
	}
	return errors.Join(err, given)
}

func newTokenListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the tokens",
		Long: `List the tokens: their names, what they allow, and when they were made. Secrets are kept
nowhere. In JSON a token has name, read, write, cameras (left out if it may write events
of all cameras), admin and created_at.`,
		Example: `  doorlog token list
  doorlog token list --jsonl | jq -r 'select(.admin) | .name'`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			loc, err := a.location()
			if err != nil {
				return err
			}
			tokens, _, err := a.tokens()
			if err != nil {
				return err
			}
			list, err := tokens.List()
			if err != nil {
				return err
			}
			return emitList(a, list, func(w io.Writer) error { return drawTokens(w, list, loc) })
		},
	}
}

func drawTokens(w io.Writer, list []web.Token, loc *time.Location) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "there are no tokens")
		return err
	}
	rows := make([][]string, len(list))
	for i := range list {
		t := &list[i]
		rows[i] = []string{t.Name, allowed(&t.Grant), strings.Join(t.Cameras, ", "), t.CreatedAt.In(loc).Format(timeLayout)}
	}
	return terminal.WriteTable(w, []string{"NAME", "ALLOWS", "CAMERAS", "MADE"}, rows)
}

// allowed says in words what a token allows.
func allowed(g *web.Grant) string {
	if g.Admin {
		return "everything"
	}
	var words []string
	if g.Read {
		words = append(words, "read")
	}
	if g.Write {
		words = append(words, "write")
	}
	return strings.Join(words, ", ")
}

func newTokenRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "Make a token invalid",
		Long: `Make a token invalid. A server that is running refuses its next request, and ends its open
streams of changes within seconds.`,
		Example:           "  doorlog token revoke dashboard",
		Args:              takes("NAME"),
		ValidArgsFunction: completeFirst(a.completeTokens),
		RunE: func(_ *cobra.Command, args []string) error {
			tokens, _, err := a.tokens()
			if err != nil {
				return err
			}
			if err := tokens.Remove(args[0]); errors.Is(err, doorlog.ErrNotFound) {
				return fmt.Errorf("there is no token %q: \"doorlog token list\" lists them", args[0])
			} else if err != nil {
				return err
			}
			revoked := struct {
				Revoked string `json:"revoked"`
			}{args[0]}
			return a.emit(revoked, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "revoked %s\n", terminal.Printable(args[0]))
				return err
			})
		},
	}
}

// completeTokens offers the names of the tokens.
func (a *app) completeTokens(*cobra.Command, []string, string) (names []string, directive cobra.ShellCompDirective) {
	if tokens, _, err := a.tokens(); err == nil {
		list, _ := tokens.List()
		for _, t := range list {
			if terminal.Printable(t.Name) == t.Name {
				names = append(names, t.Name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

func newConfigCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check the settings of the server",
		Long:    "Check the settings of \"doorlog serve\", and print an example of its file.",
		Example: "  doorlog config example > doorlog.toml",
	}
	cmd.AddCommand(newConfigCheckCommand(a), newConfigExampleCommand(a))
	return cmd
}

func newConfigCheckCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say what is wrong with settings",
		Long: `Read FILE, or the file that DOORLOG_CONFIG names, the variables of the environment, and the
flags --db and --thumbnails, as "doorlog serve" does. Print every setting with its value
and where it is from, or all that is wrong: a key that is no setting, a value that cannot
be, a certificate that cannot be used. No database is opened, and nothing is written.

With --json it prints an object with file, settings (an object with value and from, which
is flag, environment, file or default, for each key), problems (a list of objects with in, line,
column, setting and problem) and unknown (variables that begin with DOORLOG_ and are no
settings). The exit code is 1 if there are problems.`,
		Example: `  doorlog config check /etc/doorlog/doorlog.toml
  doorlog config check doorlog.toml --json | jq .settings.listen.value`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misuse("%q is an argument too many", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.flags.socket != "" {
				return misuse("no server is asked for its settings: leave --socket out")
			}
			file := os.Getenv(configVariable)
			if len(args) > 0 {
				file = args[0]
			}
			return a.checkConfig(file, cmd.Flags())
		},
	}
}

// checkedConfig is what "config check" prints.
type checkedConfig struct {
	File     *string                `json:"file"`
	Settings map[string]usedSetting `json:"settings"`
	Problems configErrors           `json:"problems"`
	Unknown  []string               `json:"unknown"`
}

type usedSetting struct {
	Value any    `json:"value"` // null: nothing is said, and nothing is the default
	From  string `json:"from"`
}

func (a *app) checkConfig(file string, flags *pflag.FlagSet) error {
	c, wrong, err := a.loadConfig(file, flags)
	if err != nil {
		return err
	}
	result := checkedConfig{Settings: map[string]usedSetting{}, Problems: append(configErrors{}, wrong...), Unknown: append([]string{}, unknownVariables()...)}
	if file != "" {
		result.File = &file
	}
	for _, s := range settings {
		result.Settings[s.key] = usedSetting{c.value(s), c.said[s.key].from}
	}
	if a.flags.json || a.flags.jsonl || len(wrong) == 0 {
		err := a.emit(result, func(w io.Writer) error {
			rows := make([][]string, len(settings))
			for i, s := range settings {
				rows[i] = []string{s.key, strings.Join(c.texts(s), ", "), c.said[s.key].from}
			}
			return terminal.WriteTable(w, []string{"SETTING", "VALUE", "FROM"}, rows)
		})
		if err != nil {
			return err
		}
	}
	for _, name := range result.Unknown {
		a.logger().Warn("this variable is no setting", "variable", name)
	}
	return wrong.err(c)
}

// texts returns the value of a setting that is used, with what follows from other settings.
func (c *config) texts(s *setting) []string {
	if said := c.said[s.key]; said.from != fromDefault {
		return said.texts
	}
	switch s.key {
	case "thumbnails":
		return []string{c.thumbnails}
	case "socket":
		return []string{c.socket()}
	}
	if s.fallback == "" {
		return nil
	}
	return []string{s.fallback}
}

// value is texts in the form that the setting has in the file.
func (c *config) value(s *setting) any {
	texts := c.texts(s)
	switch {
	case s.form == listForm:
		return append([]string{}, texts...)
	case len(texts) == 0:
		return nil
	case s.form == boolForm:
		if v, err := strconv.ParseBool(texts[0]); err == nil {
			return v
		}
	case s.form == numberForm:
		if v, err := strconv.ParseFloat(texts[0], 64); err == nil {
			return v
		}
	}
	return texts[0]
}

func newConfigExampleCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "example",
		Short: "Print a file with all settings",
		Long: `Print a file with all settings of "doorlog serve", each with what it is for. All are
comments: take the # away from those that you want to set.`,
		Example:           "  doorlog config example > doorlog.toml",
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if a.flags.json || a.flags.jsonl {
				return misuse("the example is TOML: --json has no meaning here")
			}
			_, err := a.out.Write(exampleConfig())
			return err
		},
	}
}

const exampleHead = `# Settings of "doorlog serve": doorlog serve --config FILE
#
# Each is also a variable of the environment and a flag, which come first: max_age in
# [retention] is DOORLOG_RETENTION_MAX_AGE and --retention-max-age. A list in a variable has
# commas; retention.rule has a rule on each line there. Paths are from the folder where the
# server is started. An AGE is a length of time such as 90s, 36h, 7d or 2y.
#
# "doorlog config check FILE" says what is wrong with a file.
`

// exampleConfig returns a file with all settings as comments.
func exampleConfig() []byte {
	var b bytes.Buffer
	b.WriteString(exampleHead)
	section := ""
	for _, s := range settings {
		table, name, found := strings.Cut(s.key, ".")
		if !found {
			table, name = "", s.key
		}
		if table != section {
			section = table
			fmt.Fprintf(&b, "\n[%s]\n", table)
		}
		about := strings.ReplaceAll(strings.TrimSuffix(s.about, "; repeatable"), "`", "")
		if s.fallback != "" {
			about += " (default " + s.fallback + ")"
		}
		about = strings.ToUpper(about[:1]) + about[1:]
		fmt.Fprintf(&b, "\n%s", indent(terminal.Reflow(about, pageColumns-2), "# "))
		fmt.Fprintf(&b, "#%s = %s\n", name, s.toml())
	}
	return b.Bytes()
}

// pageColumns is how wide the example is.
const pageColumns = 90

func indent(text, by string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(by + line + "\n")
	}
	return b.String()
}

// configPath returns the file of settings that the flag or the environment names, "" if there is none.
func configPath(flag string, given bool) (string, error) {
	if given && flag == "" {
		return "", errors.New("--" + configFlag + " is empty")
	}
	return cmp.Or(flag, os.Getenv(configVariable)), nil
}

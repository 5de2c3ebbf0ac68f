package doorlog_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/doorlog/doorlog"
)

const withoutLocks = "DOORLOG_TEST_WITHOUT_LOCKS" // the folder, in the process that has no locks

// NFS without its lock daemon, SMB and FUSE may have no locks: what calls for one
// says so and what to do, and leaves nothing behind.
func TestAFileSystemWithoutLocksIsNamed(t *testing.T) {
	if dir := os.Getenv(withoutLocks); dir != "" {
		openWithoutLocks(t, dir)
		return
	}
	strace := needStrace(t)
	s := newStore(t)
	s.writeFrame(t, motion("garage", 1), jpegFrame(t, 8, 8))
	var backup bytes.Buffer
	if _, err := s.Backup(t.Context(), &backup, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := readFile(t, s.path)
	for _, errno := range []string{"ENOLCK", "EOPNOTSUPP", "ENOSYS", "EINVAL"} {
		t.Run(errno, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range map[string][]byte{"there.db": file, "backup": backup.Bytes()} {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), strace, "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null",
				"-e", "trace=flock", "-e", "inject=flock:error="+errno,
				os.Args[0], "-test.run=^TestAFileSystemWithoutLocksIsNamed$")
			cmd.Env = append(os.Environ(), withoutLocks+"="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			wantNames(t, dir, "backup", "there.db")
			if !bytes.Equal(readFile(t, filepath.Join(dir, "there.db")), file) {
				t.Error("the file has changed")
			}
		})
	}
}

func openWithoutLocks(t *testing.T, dir string) {
	t.Helper()
	ctx, there, fresh := t.Context(), filepath.Join(dir, "there.db"), filepath.Join(dir, "fresh.db")
	for name, do := range map[string]func() error{
		"create": func() error {
			_, err := doorlog.Open(fresh, nil)
			return err
		},
		"open": func() error {
			_, err := doorlog.Open(there, &doorlog.Options{Quarantine: true})
			return err
		},
		"open to read": func() error {
			_, err := doorlog.Open(there, &doorlog.Options{ReadOnly: true})
			return err
		},
		"verify": func() error {
			_, err := doorlog.Verify(ctx, there, nil)
			return err
		},
		"repair": func() error {
			_, err := doorlog.Repair(ctx, there, nil)
			return err
		},
		"salvage": func() error {
			_, err := doorlog.Salvage(ctx, there, fresh, nil)
			return err
		},
		"restore": func() error {
			backup, err := os.Open(filepath.Join(dir, "backup"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = doorlog.Restore(ctx, filepath.Join(dir, "restored"), backup, nil)
			if cerr := backup.Close(); cerr != nil {
				t.Error(cerr)
			}
			return err
		},
	} {
		if err := do(); err == nil {
			t.Errorf("%s: there are locks", name)
		} else {
			wantError(t, err, doorlog.ErrNoLocks, "has no locks")
		}
	}
}

package main

import "golang.org/x/sys/unix"

const tmpfs = "tmpfs"

// fileSystem returns the kind of file system that a folder is on.
func fileSystem(dir string) string {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return ""
	}
	switch int64(st.Type) { //nolint:unconvert // it has 32 bits elsewhere
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return tmpfs
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	case unix.F2FS_SUPER_MAGIC:
		return "f2fs"
	}
	return ""
}

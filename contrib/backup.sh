#!/bin/sh
# Back up the database and its pictures into a folder, and keep the newest backups alone. A server that is
# running makes the backup (the command goes through its socket), so nothing has to stop.
#
#   backup.sh FOLDER [KEEP]      KEEP is how many backups stay: 14 if it is not said
#
# DB_PATH says where the database is. Old backups go only when the new one is complete and verified: one
# that lacks pictures ends the script with 3, and stays beside the old ones until somebody has looked.
set -eu

folder=${1:?usage: backup.sh FOLDER [KEEP]}
keep=${2:-14}
case $keep in
*[!0-9]* | '' | 0) echo "backup.sh: KEEP is a number from 1 on, not \"$keep\"" >&2 && exit 2 ;;
esac

mkdir -p "$folder"
doorlog backup "$folder/doorlog-$(date -u +%Y%m%dT%H%M%SZ).backup"

# The names sort by time.
set -- "$folder"/doorlog-*.backup
while [ $# -gt "$keep" ]; do
  rm -- "$1"
  shift
done

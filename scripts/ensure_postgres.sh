#!/usr/bin/env bash
# Make sure that a PostgreSQL server's binaries are there; install them with apt where possible.
set -eu

if command -v pg_ctl >/dev/null || ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing PostgreSQL ..."
  apt-get update -qq
  # Only the binaries: no cluster of the system's own is created or started.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
  exit 0
fi
echo "PostgreSQL's server is needed (initdb, pg_ctl): install it with your package manager, for instance" >&2
echo "  sudo apt-get install postgresql" >&2
exit 1

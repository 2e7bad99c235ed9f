#!/usr/bin/env bash
# Make sure that a Chromium is there; install Debian's with apt where possible. $CHROMIUM names another executable.
set -eu

if [ -n "${CHROMIUM:-}" ]; then
  command -v "$CHROMIUM" >/dev/null && exit 0
  echo "CHROMIUM names $CHROMIUM, which cannot be run" >&2
  exit 1
fi
if command -v chromium >/dev/null; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Chromium ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
  exit 0
fi
echo "Chromium is needed for the tests in a browser: install it with your package manager, for instance" >&2
echo "  sudo apt-get install chromium" >&2
echo "or name another executable of it, as in CHROMIUM=/usr/bin/google-chrome make test" >&2
exit 1

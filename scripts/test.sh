#!/usr/bin/env bash
# Run every test. Those that mostly wait for real processes and those that mostly compute run side by side:
# the former are shown as they go, the latter when both have ended.
set -uo pipefail
python=${1:?the Python to run the tests with}
output=$(mktemp)
"$python" -m pytest tests/integration tests/unit >"$output" 2>&1 &
computing=$!
trap 'kill "$computing" 2>/dev/null; rm -f "$output"' EXIT
trap 'exit 130' INT TERM

"$python" -m pytest tests/e2e tests/system
waited=$?
wait "$computing"
computed=$?
cat "$output"
echo "Integration and unit tests: exit code $computed; end-to-end and system tests: exit code $waited."
exit $((waited || computed))

#!/usr/bin/env bash
# Says in words what a machine lacks for building Forecare.
set -u
fail=0
if ! command -v go >/dev/null; then
  echo "Go is missing: install Go 1.26 or newer and put it on the PATH." >&2; fail=1
else
  v=$(go env GOVERSION); v=${v#go}
  major=${v%%.*}; rest=${v#*.}; minor=${rest%%.*}
  if [ "$major" -lt 1 ] || { [ "$major" -eq 1 ] && [ "$minor" -lt 26 ]; }; then
    echo "Go $v is too old: Forecare needs Go 1.26 or newer." >&2; fail=1
  fi
fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "Node.js is missing: install Node.js 20 or newer with npm (it fetches the pages' two scripts)." >&2; fail=1
else
  n=$(node -p 'process.versions.node.split(".")[0]')
  [ "$n" -ge 20 ] || { echo "Node.js $n is too old: Forecare needs 20 or newer." >&2; fail=1; }
fi
exit $fail

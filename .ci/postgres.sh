#!/bin/sh
# Starts a private PostgreSQL for tests and prints its URL, or stops it.
#
#   export TEST_POSTGRES_URL="$(.ci/postgres.sh start)"
#   .ci/postgres.sh stop
#
# It listens on a free port of 127.0.0.1 only, keeps its data in a folder of its
# own (POSTGRES_DIR, default forecare-postgres-UID in TMPDIR), and does not
# fsync: it is for data that nobody needs tomorrow. A second start prints the
# URL of the server that already runs. The URL is all that goes to standard
# output.
set -eu

dir=${POSTGRES_DIR:-${TMPDIR:-/tmp}/forecare-postgres-$(id -u)}
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac

say() { echo "postgres.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# Debian keeps the server programs out of PATH, in a folder of their version.
find_bin() {
	if [ -n "${POSTGRES_BIN:-}" ]; then
		echo "$POSTGRES_BIN"
		return
	fi
	for d in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) $(dirname "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)"); do
		if [ -x "$d/initdb" ] && [ -x "$d/pg_ctl" ]; then
			echo "$d"
			return
		fi
	done
	die "no PostgreSQL server is installed; on Debian: apt-get install postgresql"
}

# PostgreSQL refuses to run as root, so root hands it to another user.
if [ "$(id -u)" = 0 ]; then
	user=nobody
	if id postgres >/dev/null 2>&1; then user=postgres; fi
	as() { runuser -u "$user" -- "$@"; }
else
	user=$(id -un)
	as() { "$@"; }
fi

# The fourth line of postmaster.pid is the port. That the process exists is not
# enough: it may be a zombie, or its number another process.
port_of() { sed -n 4p "$dir/data/postmaster.pid" 2>/dev/null; }
running() { [ -n "$(port_of)" ] && "$bin/pg_isready" -q -t 3 -h 127.0.0.1 -p "$(port_of)" -d postgres -U forecare; }
url() { echo "postgres://forecare@127.0.0.1:$(port_of)/postgres?sslmode=disable"; }

free_port() {
	port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
	echo "$port"
}

start() {
	if running; then
		url
		return
	fi
	mkdir -p "$dir"
	chown "$user" "$dir"
	chmod 700 "$dir"
	cd "$dir" # runuser keeps the folder, which the other user may not be allowed to enter
	# What is left of a server that was killed may be torn, and nobody needs it.
	rm -rf "$dir/data"
	as "$bin/initdb" -D "$dir/data" -U forecare -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 ||
		die "initdb failed: $(tail -n 3 "$dir/initdb.log")"
	# A port that is free now may be taken when the server comes to it: try again with another.
	for attempt in 1 2 3 4 5 6 7 8; do
		port=$(free_port)
		if as "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 30 -o \
			"-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200" \
			start >"$dir/pg_ctl.log" 2>&1; then
			url
			return
		fi
	done
	die "the server does not start: $(tail -n 3 "$dir/server.log")"
}

stop() {
	if running; then
		(cd "$dir" && as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >&2) || die "the server does not stop"
	fi
	rm -rf "$dir"
}

bin=$(find_bin)
case "${1:-}" in
start) start ;;
stop) stop ;;
*) die "use: $0 start|stop" ;;
esac

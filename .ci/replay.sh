#!/usr/bin/env bash
# Sends recorded turbofan runs through MQTT into a Forecare of their own and
# prints, engine by engine, when it was flagged and how many cycles before its
# failure. Usage: replay.sh FOLDER, which holds cmapss/train_FD001.txt
set -euo pipefail
recorded=${1:?name the folder of the recordings}
file="$recorded/cmapss/train_FD001.txt"
[ -f "$file" ] || { echo "There is no $file. Fetch NASA's C-MAPSS FD001 and say: make replay RECORDED=folder" >&2; exit 1; }

data=$(mktemp -d)
FORECARE_MQTT=embedded://127.0.0.1:0 FORECARE_WEB_LISTEN=127.0.0.1:0 bin/forecare run --data "$data" >"$data.out" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid 2>/dev/null || true; rm -rf "$data" "$data.out"' EXIT
for _ in $(seq 300); do
  [ -f "$data/run.json" ] && break
  kill -0 $pid 2>/dev/null || { cat "$data.out" >&2; exit 1; }
  sleep 0.1
done
address() { node -p 'JSON.parse(require("fs").readFileSync(process.argv[1]))[process.argv[2]]' "$data/run.json" "$1"; }

FORECARE_TOKEN=$(bin/forecare token --tenant replay --name replay --data "$data" 2>/dev/null)
export FORECARE_TOKEN
bin/firmware-sim replay "$file" --format cmapss --tenant replay --broker "tcp://$(address mqtt)" --api "http://$(address web)" \
  --register --report --lasts 60s

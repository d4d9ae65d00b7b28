#!/usr/bin/env bash
# Installs, from Debian's packages, the real counterparts that tests talk to.
# Does nothing where they are already there. Needs root or sudo.
set -euo pipefail
want=()
command -v gcc >/dev/null || want+=(gcc libc6-dev)
command -v chromium >/dev/null || want+=(chromium)
fc-list 2>/dev/null | grep -qi 'noto.*arabic' || want+=(fonts-noto-core fontconfig)
[ -x /usr/lib/postgresql/15/bin/initdb ] || command -v initdb >/dev/null || want+=(postgresql)
command -v mosquitto_pub >/dev/null || want+=(mosquitto-clients)
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || want+=(mosquitto)
[ ${#want[@]} -eq 0 ] && exit 0
sudo=(); [ "$(id -u)" -eq 0 ] || sudo=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -q
"${sudo[@]}" apt-get install -y -q --no-install-recommends "${want[@]}"

#!/bin/sh
# Installs this checkout's shoal on a bare host: the program under /opt/shoal, the command in /usr/local/bin, and,
# where systemd runs, a service that is started once the host belongs to a cluster. Run again, it upgrades.
# PREFIX and BIN put it elsewhere. It joins nothing by itself: `shoal init` or `shoal join TOKEN` does.
set -eu
prefix=${PREFIX:-/opt/shoal}
bin=${BIN:-/usr/local/bin}
here=$(cd "$(dirname "$0")" && pwd)

command -v npm >/dev/null || { echo 'install.sh: npm is missing (Debian: apt-get install nodejs npm)' >&2; exit 1; }
if ! command -v qemu-system-x86_64 >/dev/null || ! command -v qemu-img >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends qemu-system-x86 qemu-utils
  else
    echo 'install.sh: qemu-system-x86_64 or qemu-img is missing: objects and images will work, servers will not' >&2
  fi
fi

# The new program is whole beside the old one before it takes its place.
rm -rf "$prefix.new"
mkdir -p "$prefix.new" "$bin"
for part in package.json package-lock.json .npmrc agent proto cli LICENSE; do cp -R "$here/$part" "$prefix.new/"; done
(cd "$prefix.new" && npm ci --omit=dev --loglevel=error)
rm -rf "$prefix.old"
if [ -e "$prefix" ]; then mv "$prefix" "$prefix.old"; fi
mv "$prefix.new" "$prefix"
rm -rf "$prefix.old"
ln -sf "$prefix/cli/bin.js" "$bin/shoal"

if [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ]; then
  cat >/etc/systemd/system/shoal.service <<UNIT
[Unit]
Description=shoal agent
After=network-online.target
Wants=network-online.target
ConditionPathExists=/var/lib/shoal/config.json

[Service]
ExecStart=$bin/shoal agent --data /var/lib/shoal
# Machines outlive their agent: only the agent itself is stopped.
KillMode=process
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable shoal.service
fi
"$bin/shoal" --help >/dev/null
echo "shoal is installed. Next: shoal init --address THIS-HOST, or shoal join TOKEN --address THIS-HOST"

#!/bin/bash
# Starts the units of config/systemd under a real systemd: as PID 1 of namespaces of its own, on a copy of this machine's files that
# is thrown away. As root, after npm run build; needs systemd 247 or later, changes nothing outside. No test depends on it.
#
#   scripts/try-units.sh
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 2; }
[ -x /lib/systemd/systemd ] || { echo "systemd is not installed"; exit 2; }
[ -f dist/src/main.js ] || { echo "not built: npm run build"; exit 2; }

echo "systemd-analyze security, 0 is tightest, 10 nothing"
for unit in peerage.service peerage-fib-writer.service; do
  systemd-analyze security --offline=true --no-pager "config/systemd/$unit" | tail -n 1
done

room=$(mktemp -d)
init=
cleanup() {
  [ -z "$init" ] || kill -KILL "$init" 2> /dev/null || true
  rm -f "$room/boot" "$room/log"
  rmdir "$room/root" "$room/store" "$room" || true
}
trap cleanup EXIT
mkdir "$room/root" "$room/store"

# Inside: a copy-on-write root with the program installed as docs/privileges.md says, and systemd in the end.
cat > "$room/boot" << 'BOOT'
set -e
root=$1/root
mount --make-rprivate /
mount -t tmpfs none "$1/store"
mkdir "$1/store/upper" "$1/store/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/store/upper,workdir=$1/store/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for at in dev run tmp; do mount -t tmpfs "$at" "$root/$at"; done
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue" "$root/run/lock"
mount -t devpts devpts "$root/dev/pts" -o newinstance
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root/opt/peerage" "$root/etc/peerage"
cp -r dist package.json node_modules "$root/opt/peerage/"
cp config/systemd/peerage* "$root/etc/systemd/system/"
for user in peerage peerage-fib; do
  chroot "$root" groupadd --system "$user"
  chroot "$root" useradd --system --gid "$user" --no-create-home --shell /usr/sbin/nologin "$user"
done
cat > "$root/etc/peerage/peerage.yaml" << 'YAML'
router: {as: 65001, router-id: 10.9.9.1, address: 10.9.9.1}
originate: [{prefix: 172.17.1.0/24, blackhole: true}]
neighbors: [{address: 10.9.9.2, remote-as: internal, passive: true}]
kernel: {writer: /run/peerage-fib/writer.sock}
YAML
cat > "$root/etc/systemd/system/try.target" << 'UNIT'
[Unit]
Requires=peerage-fib-writer.socket peerage.service
UNIT
ip link set lo up
ip link add eth0 type veth peer name eth1
ip link set eth1 up
ip address add 10.9.9.1/24 dev eth0
ip link set eth0 up
exec env -i container=try PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /lib/systemd/systemd --unit=try.target
BOOT
unshare --mount --pid --fork --net --uts --ipc --cgroup bash "$room/boot" "$room" > "$room/log" 2>&1 &
outer=$!
for _ in $(seq 100); do
  sleep 0.2
  init=$(pgrep -P "$outer" || true)
  [ -n "$init" ] && grep -q systemd "/proc/$init/comm" && break
done
inside() { nsenter -t "$init" -m -p -n -u -i -C -r -w "$@"; }
pid() { inside systemctl show -p MainPID --value "$1"; }
wait_for() { # sentence, command ...
  local what=$1
  shift
  for _ in $(seq 100); do
    if "$@" > /dev/null 2>&1; then
      echo "yes: $what"
      return
    fi
    sleep 0.1
  done
  echo "NO: $what"
  inside journalctl --no-pager -n 20 -o cat || cat "$room/log"
  exit 1
}
peerage() { inside node /opt/peerage/dist/src/main.js "$@"; }
installed() { peerage fib | grep -q "$1.*installed"; }
changed() { [ "$(pid "$1")" != "$2" ] && [ "$(inside systemctl is-active "$1")" = active ]; }

inside sh -c "systemd-analyze verify /etc/systemd/system/peerage*"
echo "yes: systemd-analyze verify has nothing to say"
wait_for "both units are active" inside systemctl is-active peerage.service peerage-fib-writer.service
wait_for "a route is in the kernel" installed 172.17.1.0/24
for unit in peerage.service peerage-fib-writer.service; do
  at=$(pid "$unit")
  fields=$(inside sh -c "grep -E '^(Uid|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/$at/status" | tr -s '\t\n' ' ')
  echo "$unit: $fields= $(capsh --decode="$(inside sed -n 's/^CapEff:\t//p' "/proc/$at/status")" 2> /dev/null || true)"
done
speaker=$(pid peerage.service)
writer=$(pid peerage-fib-writer.service)
[ "$(inside stat -c %a:%U:%G /run/peerage/peerage.sock)" = 660:peerage:peerage ]
echo "yes: the control socket is 0660, of user and group peerage"
inside kill -KILL "$writer"
wait_for "the writer is back after kill -9" changed peerage-fib-writer.service "$writer"
[ "$(pid peerage.service)" = "$speaker" ]
echo "yes: the speaker has run on"
inside sed -i 's#172.17.1.0/24, blackhole: true}#&, {prefix: 172.17.2.0/24, blackhole: true}#' /etc/peerage/peerage.yaml
inside systemctl reload peerage.service
wait_for "a route that a reload brought is written by the new writer" installed 172.17.2.0/24
inside kill -KILL "$speaker"
wait_for "the speaker is back after kill -9" changed peerage.service "$speaker"
[ "$(inside ip route show proto bgp | wc -l)" = 2 ]
echo "yes: both kernel routes have stayed"
inside systemctl stop peerage.service
[ "$(inside ip route show proto bgp | wc -l)" = 2 ]
echo "yes: both stay when the unit is stopped"
inside systemctl start peerage.service
wait_for "it starts again" installed 172.17.2.0/24

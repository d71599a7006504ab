#!/bin/bash
# Inside new namespaces: a small world with the shipped units in it, then systemd as its first process.
# Called by tests.live; nothing of it is seen outside, and it is gone when systemd ends.
set -euo pipefail
project=$1 python=$2 packages=$3 base=$4
mount --make-rprivate /
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/etc && cp -a /etc/. /run/etc/ && rm -rf /run/etc/systemd/system
mount --bind /run/etc /etc
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /opt
mount -t tmpfs -o mode=1777 tmpfs /tmp
: > /etc/machine-id

# the installation as README has it: an environment under /opt/somrr
mkdir -p /opt/somrr/{python,code} /opt/somrr/venv/{bin,lib/python3.11/site-packages}
mount --bind "$base" /opt/somrr/python
mount --bind "$packages" "/opt/somrr/venv/lib/python3.11/site-packages"
for room in config records ingest reading classifiers routing outbound daemon; do
  mkdir "/opt/somrr/code/$room" && mount --bind "$project/$room" "/opt/somrr/code/$room"
done
mkdir /opt/somrr/tests && mount --bind "$project/tests/servers" /opt/somrr/tests
ln -s "/opt/somrr/python/bin/$python" /opt/somrr/venv/bin/python
echo "home = /opt/somrr/python/bin" > /opt/somrr/venv/pyvenv.cfg
printf '#!/bin/sh\nexec /opt/somrr/venv/bin/python -m daemon "$@"\n' > /opt/somrr/venv/bin/somrr
chmod +x /opt/somrr/venv/bin/somrr

systemd-sysusers "$project/systemd/somrr.sysusers"
systemd-tmpfiles --create "$project/systemd/somrr.tmpfiles"
units=/etc/systemd/units
mkdir -p $units /etc/systemd/system
cp "$project"/systemd/somrr* $units/
cp /lib/systemd/system/systemd-journald{,-dev-log}.s* $units/
for name in sysinit basic sockets network-online time-sync shutdown umount multi-user; do
  printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' $name > $units/$name.target
done
for name in somrr somrr-read@ somrr-probe@; do
  mkdir -p "$units/$name.service.d"
  printf '[Service]\nEnvironment=PYTHONPATH=/opt/somrr/code LD_LIBRARY_PATH=/opt/somrr/python/lib\n' > "$units/$name.service.d/code.conf"
done
# the probe runs in the reader's very unit, with another program
sed 's#^ExecStart=.*#ExecStart=/opt/somrr/venv/bin/python -P /opt/somrr/tests/escapes.py#' \
  "$project/systemd/somrr-read@.service" > $units/somrr-probe@.service
sed 's#/run/somrr-read.socket#/run/somrr-probe.socket#' "$project/systemd/somrr-read.socket" > $units/somrr-probe.socket
cat > $units/live.target <<'UNIT'
[Unit]
Wants=systemd-journald.socket systemd-journald.service somrr-read.socket somrr-probe.socket somrr.service live.service
DefaultDependencies=no
UNIT
cat > $units/live.service <<UNIT
[Unit]
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
TimeoutStartSec=600
WorkingDirectory=$project
ExecStart=$packages/../../../bin/python -m tests.live inside
StandardOutput=file:$5/report
StandardError=file:$5/errors
UNIT
mount --make-rshared /  # as a real boot has it; without it credentials would not reach the units
exec env -i PATH=/usr/sbin:/usr/bin container=somrr SYSTEMD_UNIT_PATH=$units \
  /lib/systemd/systemd --system --unit=live.target --show-status=no --log-target=null

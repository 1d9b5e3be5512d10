#!/bin/bash
# A stock Debian 12 (kernel 6.1, systemd, cgroup v2 alone) in an emulated machine, with our programs and tests in it.
#
#     lab.sh BIN [PYTEST ARGUMENT]...
#
# The machine is made once from Debian's own packages and kept in build/lab-debian; each run boots a copy that forgets everything.
# Emulated (TCG) because a kernel of one's own needs no hardware for that, and because nothing in it can reach this machine: no network,
# no shared folder. It tells its result over the serial line.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB=$ROOT/build/lab-debian
BIN=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- tests/integration/test_launcher.py tests/integration/test_limits.py tests/integration/test_disks.py tests/integration/test_slots.py \
	tests/attacks/test_sandbox.py tests/attacks/test_catalogue.py

PACKAGES=linux-image-amd64,initramfs-tools,systemd-sysv,udev,kmod,mount,python3,python3-pytest,python3-pytest-timeout,gcc,libc6-dev
PACKAGES+=,busybox-static,e2fsprogs,erofs-utils,iproute2,nftables

fail() { echo "lab-debian: $*" >&2; exit 1; }
for tool in mmdebstrap mke2fs qemu-system-x86_64; do
	command -v $tool > /dev/null || fail "$tool is missing; run make deps-lab"
done
[ "$(id -u)" = 0 ] || fail "needs root, to unpack Debian's packages with their owners"

mkdir -p "$LAB"
WORK=$(mktemp -d "$LAB/work.XXXXXX")
QEMU=
trap '[ -z "$QEMU" ] || kill $QEMU 2> /dev/null || true; rm -rf --one-file-system "$WORK"' EXIT

make_system() {
	echo "unpacking Debian 12 and its kernel (once, about a minute)"
	mmdebstrap --mode=root --variant=apt --format=directory --skip=check/signed-by --include="$PACKAGES" \
		--aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='for u in vitrine vitrine-edge vitrine-net; do
			chroot "$1" useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin $u; done' \
		--customize-hook="install -m 755 $ROOT/tests/lab/inside.sh \$1/usr/local/sbin/lab" \
		--customize-hook="install -m 644 $ROOT/tests/lab/lab.service \$1/etc/systemd/system/lab.service" \
		--customize-hook='chroot "$1" systemctl -q enable lab.service; chroot "$1" systemctl -q mask getty.target serial-getty@ttyS0.service' \
		--customize-hook='mkdir "$1/lab"; echo "/dev/vdb /lab ext4 defaults 0 0" >> "$1/etc/fstab"' \
		bookworm "$WORK/system" > "$WORK/log" 2>&1 || { tail -20 "$WORK/log" >&2; fail "Debian's packages could not be fetched or unpacked"; }
	cp "$WORK"/system/boot/vmlinuz-* "$LAB/vmlinuz"
	cp "$WORK"/system/boot/initrd.img-* "$LAB/initrd.img"
	mke2fs -q -t ext4 -d "$WORK/system" "$WORK/system.img" 3G 2> /dev/null
	mv "$WORK/system.img" "$LAB/system.img"
	rm -rf --one-file-system "$WORK/system"
	echo "$KEY" > "$LAB/made"
}

KEY=$(echo "$PACKAGES"; declare -f make_system; cat "$ROOT/tests/lab/inside.sh" "$ROOT/tests/lab/lab.service" | sha256sum)
[ "$(cat "$LAB/made" 2> /dev/null)" = "$KEY" ] || make_system

mkdir -p "$WORK/disk/build/bin"
tar -C "$ROOT" --exclude=__pycache__ -c tests sandbox runtime/base | tar -C "$WORK/disk" -x
cp "$BIN"/vitrine-* "$WORK/disk/build/bin/"
printf '%s\n' "$@" > "$WORK/disk/arguments"
mke2fs -q -t ext4 -d "$WORK/disk" "$WORK/disk.img" 2G 2> /dev/null

echo "booting"
timeout "${LAB_SECONDS:-1500}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 2560 -nodefaults -no-user-config -display none -no-reboot \
	-nic none -device virtio-rng-pci -serial "file:$WORK/serial" -kernel "$LAB/vmlinuz" -initrd "$LAB/initrd.img" \
	-append "console=ttyS0 root=/dev/vda rw loglevel=2 systemd.show_status=0 panic=-1" \
	-drive "file=$LAB/system.img,if=virtio,format=raw,cache=unsafe,snapshot=on" \
	-drive "file=$WORK/disk.img,if=virtio,format=raw,cache=unsafe" < /dev/null &
QEMU=$!
tail -F --pid=$QEMU "$WORK/serial" 2> /dev/null | tr -d '\r' | tee "$LAB/serial.log" &
wait $QEMU || { wait; fail "the machine did not come to its end"; }
QEMU=
wait
result=$(sed -n 's/^lab: end \([0-9]*\).*/\1/p' "$LAB/serial.log" | tail -1)
[ "$result" = 0 ] || fail "${result:+pytest ended with }${result:-it broke off}; build/lab-debian/serial.log has all that it said"

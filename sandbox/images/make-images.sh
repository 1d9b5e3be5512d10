#!/bin/bash
# make-images.sh - make the base and the tools image where they are missing, and nothing else.
#
#     make-images.sh --images DIR --worker FILE [--progress] [--refresh] [--app-disk BYTES] [--build-disk BYTES]
#
# Leaves DIR/base-HASH.erofs, DIR/tools-HASH.erofs, their hashes in DIR/base.current and DIR/tools.current, empty disks
# for what sandboxes write in DIR/slot.ext4 and DIR/output.ext4 (their size is the limit), and the operator's settings
# in DIR/operator (operator_settings.py). --refresh takes newer Debian packages. May be
# interrupted and may run twice at once: work happens in a directory of its own under DIR/cache, in a mount
# namespace of its own, under a lock; results appear by rename.
set -euo pipefail
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
HERE=$(cd "$(dirname "$0")" && pwd)

fail() { printf 'make-images: %s\n' "$*" >&2; exit 1; }

IMAGES='' WORKER='' PROGRESS=0 REFRESH=0 APP_DISK=$((10 << 30)) BUILD_DISK=$((32 << 30)) ALL=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--images) IMAGES=${2:?}; shift 2 ;;
	--worker) WORKER=${2:?}; shift 2 ;;
	--progress) PROGRESS=1; shift ;;
	--refresh) REFRESH=1; shift ;;
	--app-disk) APP_DISK=${2:?}; shift 2 ;;
	--build-disk) BUILD_DISK=${2:?}; shift 2 ;;
	*) fail "unknown option '$1'" ;;
	esac
done
[ -n "$IMAGES" ] && [ -n "$WORKER" ] || fail "usage: make-images.sh --images DIR --worker FILE [--progress] [--refresh]"
[ "$(id -u)" = 0 ] || fail "must run as root, because the images' files belong to root"
for size in "$APP_DISK" "$BUILD_DISK"; do
	[[ $size =~ ^[1-9][0-9]{6,14}$ ]] && [ $((size % 4096)) = 0 ] || fail "the size of a disk is a multiple of 4096 bytes and at least 1 MB, not '$size'"
done
[ -x "$WORKER" ] || fail "there is no worker program at '$WORKER'; run make first"

# A mount namespace of its own: whatever happens here, no mount is left behind.
if [ "${VITRINE_IMAGES_NS:-}" != "$$" ]; then
	exec env VITRINE_IMAGES_NS=$$ unshare --mount --propagation private bash "$HERE/make-images.sh" "${ALL[@]}"
fi
unset VITRINE_IMAGES_NS

python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3) || fail "python3 is missing; run make deps"
mkdir -p "$IMAGES/cache"
IMAGES=$(cd "$IMAGES" && pwd)
CACHE=$IMAGES/cache LOG=$IMAGES/cache/make-images.log CHILD='' DISK='' WORK='' STEP=0 STEPS=0
chmod 700 "$CACHE"

exec 9> "$IMAGES/.make-images.lock"
flock -n 9 || { [ $PROGRESS = 0 ] || echo "waiting for another make-images on $IMAGES" >&2; flock 9; }

finish() {
	local status=$?
	trap - EXIT INT TERM HUP
	[ -z "$CHILD" ] || { kill -TERM -- "-$CHILD" 2>/dev/null && wait "$CHILD" || :; } 2>/dev/null
	[ -z "$UV_JOB" ] || kill "$UV_JOB" 2>/dev/null || :
	[ -z "$DISK" ] || { leave_tree; umount -l "$WORK" 2>/dev/null || :; rm -rf --one-file-system "$DISK"; }
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A program in a process group of its own, waited for in a way that signals interrupt.
job() {
	setsid "$@" >> "$LOG" 2>&1 &
	CHILD=$!
	local status=0
	wait $CHILD || status=$?
	CHILD=''
	return $status
}

step() { STEP=$((STEP + 1)) SINCE=$(date +%s%N); [ $PROGRESS = 0 ] || printf '[%d/%d] %s … ' $STEP $STEPS "$*"; }
step_done() {
	local tenths=$((($(date +%s%N) - SINCE) / 100000000))
	[ $PROGRESS = 0 ] || printf '%s%d.%d s\n' "${1:+($1) }" $((tenths / 10)) $((tenths % 10))
}
step_failed() {
	[ $PROGRESS = 0 ] || printf 'failed\n'
	tail -n 12 "$LOG" >&2
	fail "$1 (the whole output is in $LOG)"
}
put_line() { printf '%s\n' "$2" > "$1.new" && mv -f "$1.new" "$1"; }
read_line() { local l=''; [ ! -r "$1" ] || read -r l < "$1" || :; printf '%s' "$l"; }
hash_of() { sha256sum | cut -c1-64; }
megabytes() { echo "$(($(stat -c %s "$1") / 1000000)) MB"; }

# Mount what maintainer scripts and Python need to run inside a tree.
TREE='' UV_JOB=''
enter_tree() { TREE=$1; mkdir -p "$1/proc" "$1/dev"; mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; }
leave_tree() {
	[ -n "$TREE" ] || return 0
	umount -l "$TREE/proc" "$TREE/dev" 2>/dev/null || :
	umount -l "$TREE/etc/operator" "$TREE/etc/ssl/certs/ca-certificates.crt" "$TREE/var/lib/apt/lists" 2>/dev/null || :
	TREE=''
}

. "$HERE/base.sh"
. "$HERE/tools.sh"
RECIPE=$(hash_of < "$HERE/base.sh") TOOLS_RECIPE=$(hash_of < "$HERE/tools.sh")

# Pack TREE as IMAGES/KIND-HASH.erofs and name it the current one. lz4: half the size, as fast to read.
pack() { # TREE KIND HASH
	local tree=$1 kind=$2 h=$3 to="$IMAGES/$2-$3.erofs"
	if [ ! -s "$to" ]; then
		job mkfs.erofs --quiet -zlz4 -T0 -x-1 -U "${h:0:8}-${h:8:4}-${h:12:4}-${h:16:4}-${h:20:12}" "$DISK/$kind.erofs" "$tree" || return 1
		chmod 644 "$DISK/$kind.erofs"
		sync "$DISK/$kind.erofs"
		mv -f "$DISK/$kind.erofs" "$to"
	fi
	put_line "$IMAGES/$kind.current" "$h"
}

# An empty disk of which each sandbox gets a copy: 60 KB are written of it. No journal: nothing on it outlives a crash.
make_template() { # NAME BYTES
	local to=$IMAGES/$1.ext4
	if [ "$to" -nt "$HERE/make-images.sh" ] && [ "$(stat -c %s "$to")" = "$2" ]; then
		return
	fi
	truncate -s "$2" "$DISK/$1.ext4"
	job mkfs.ext4 -q -F -O ^has_journal,^resize_inode,sparse_super2 -m 0 -i 16384 -e remount-ro \
		-E lazy_itable_init=1,nodiscard,packed_meta_blocks=1,num_backup_sb=0 "$DISK/$1.ext4" || step_failed "an empty disk could not be made"
	mv -f "$DISK/$1.ext4" "$to"
}

make_templates() {
	make_template slot "$APP_DISK"
	make_template output "$BUILD_DISK"
	mkdir "$WORK/try"
	if ! mount -t ext4 -o loop,ro "$IMAGES/slot.ext4" "$WORK/try" 2>> "$LOG"; then
		rm -f "$IMAGES/slot.ext4" "$IMAGES/output.ext4"
		echo "note: this machine gives no loop devices with ext4: what apps and builds write is kept in memory, 1 GB for each" >&2
		return
	fi
	umount "$WORK/try"
}

# What a launcher that was killed left: the unfinished image of a worker.
drop_unfinished() {
	local left pid
	for left in "$IMAGES"/scratch/*-*-*; do
		pid=${left##*/} pid=${pid#*-} pid=${pid%%-*}
		[ ! -e "$left" ] || [ -e "/proc/$pid" ] || rm -rf --one-file-system "$left"
	done
}

fetch_uv() { # DIR: the wheel, by the operator's index; its hash is known
	local arch sum pip
	arch=$(uname -m) sum=UV_SHA256_$(uname -m)
	[ -n "${!sum:-}" ] || { echo "no uv is known for $arch"; return 1; }
	printf 'uv==%s --hash=sha256:%s\n' "$UV_VERSION" "${!sum}" > "$1/requirements.txt"
	for pip in "$python -m pip" "python3 -m pip" "$1/venv/bin/python -m pip"; do
		[ "$pip" != "$1/venv/bin/python -m pip" ] || $python -m venv "$1/venv" || break          # Debian's python3 has no pip by itself
		$pip --version > /dev/null 2>&1 || continue
		$pip download --disable-pip-version-check --no-deps --only-binary :all: --require-hashes --dest "$1" -r "$1/requirements.txt" || return 1
		$python -m zipfile -e "$1"/uv-*.whl "$1/uv"
		return
	done
	echo "pip is missing; run make deps"
	return 1
}

make_base() {
	local tree=$WORK/base packages
	step "unpacking the packages of Debian 12"
	printf 'Package: usrmerge\nPin: release *\nPin-Priority: -1\n' > "$WORK/usrmerge"
	job mmdebstrap --mode=root --variant=apt --format=directory --skip=cleanup/apt/lists,check/signed-by --include="$BASE_PACKAGES" \
		--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
		--setup-hook='mkdir -p "$1/etc/apt/preferences.d"' --setup-hook="copy-in $WORK/usrmerge /etc/apt/preferences.d" \
		--aptopt="$IMAGES/operator/apt.conf" --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
		--dpkgopt="$WORK/dpkg/etc/dpkg/dpkg.cfg.d/90vitrine" "$SUITE" "$tree" "$WORK/host.sources" ||
		step_failed "Debian's packages could not be fetched or unpacked; check the network and /etc/apt of this machine"
	mv "$tree/var/lib/apt/lists" "$WORK/lists"
	finish_base "$tree" >> "$LOG" 2>&1 || step_failed "the base system could not be finished"
	packages=$(chroot "$tree" dpkg-query -W)
	step_done "$(wc -l <<< "$packages") packages"
	step "byte-compiling Python's library"
	enter_tree "$tree"
	compile_base "$tree" || step_failed "Python's library could not be compiled"
	leave_tree
	rm -rf "$tree"/dev/* "$tree"/proc/* "$tree"/tmp/* "$tree"/root/.[!.]*
	step_done
	step "packing the base image"
	BASE=$(printf '%s\n%s\n' "$RECIPE" "$packages" | hash_of)
	pack "$tree" base "$BASE" || step_failed "the base image could not be packed"
	put_line "$CACHE/base.stamp" "$RECIPE $BASE"
	step_done "$(megabytes "$IMAGES/base-$BASE.erofs")"
}

# The base's tree as it lies in WORK, else from its image: mounted where the kernel can, else extracted.
have_base_tree() {
	[ ! -d "$WORK/base" ] || return 0
	mkdir "$WORK/base"
	mount -t erofs -o ro "$IMAGES/base-$BASE.erofs" "$WORK/base" 2>> "$LOG" ||
		job fsck.erofs --extract="$WORK/base" --overwrite --preserve "$IMAGES/base-$BASE.erofs"
}

# What apt adds to the base, as the upper directory of an overlay.
install_tools() { # UPPER
	local root=$WORK/root
	mkdir -p "$root" "$WORK/overlay" "$WORK/lists"
	mount -t overlay overlay -o "lowerdir=$WORK/base,upperdir=$1,workdir=$WORK/overlay" "$root" || {
		mount -t tmpfs -o size=2g tmpfs "$WORK/overlay" && mkdir "$WORK/overlay/upper" "$WORK/overlay/work" &&
		mount -t overlay overlay -o "lowerdir=$WORK/base,upperdir=$WORK/overlay/upper,workdir=$WORK/overlay/work" "$root"; }
	cat /etc/resolv.conf > "$root/etc/resolv.conf"
	enter_tree "$root"
	mount --bind "$IMAGES/operator" "$root/etc/operator"
	mount --bind "$IMAGES/operator/ca-certificates.crt" "$root/etc/ssl/certs/ca-certificates.crt"
	mount --bind "$WORK/lists" "$root/var/lib/apt/lists"
	[ -n "$(ls "$WORK/lists")" ] || job chroot "$root" apt-get update -q
	# shellcheck disable=SC2086
	job env DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -qy $TOOLS_PACKAGES || return 1
	chroot "$root" dpkg-query -W > "$WORK/tools.packages"
	leave_tree
	[ ! -d "$WORK/overlay/upper" ] || cp -a "$WORK/overlay/upper/." "$1/"
	umount -l "$root"
}

make_tools_tree() {
	local upper=$WORK/tools uv_status=0
	mkdir -p "$upper"
	step "adding the packages of the tools image"
	have_base_tree && install_tools "$upper" 2>> "$LOG" ||
		step_failed "the tools' packages could not be installed; check the network and /etc/apt of this machine"
	finish_tools "$upper" >> "$LOG" 2>&1 || step_failed "the tools image could not be finished"
	step_done
	step "fetching uv"
	wait "$UV_JOB" || uv_status=$?
	[ $uv_status = 0 ] || { cat "$WORK/uv.log" >> "$LOG"; step_failed "uv could not be fetched; check the pip settings of this machine"; }
	install -m 755 "$(echo "$WORK"/uv-wheel/uv/uv-*.data/scripts/uv)" "$upper/usr/local/bin/uv"
	rm -rf --one-file-system "$CACHE"/tools-tree-*
	mv "$WORK/tools.packages" "$TOOLS_TREE.packages"
	mv "$upper" "$DISK/tools-tree"
	mv "$DISK/tools-tree" "$TOOLS_TREE"
	step_done
}

# A worker that was rebuilt needs only this: one file changed and the tree packed again.
make_tools() {
	step "packing the tools image"
	cp "$WORKER" "$DISK/vitrine-worker"
	[ "$(hash_of < "$DISK/vitrine-worker")" = "$WORKER_HASH" ] || step_failed "the worker program changed meanwhile; run it again"
	chmod 755 "$DISK/vitrine-worker"
	mv -f "$DISK/vitrine-worker" "$TOOLS_TREE/usr/local/bin/vitrine-worker"
	pack "$TOOLS_TREE" tools "$TOOLS" || step_failed "the tools image could not be packed"
	step_done "$(megabytes "$IMAGES/tools-$TOOLS.erofs")"
	# Servers of other builds may share this directory: only what fell out of use long ago goes.
	ls -t "$IMAGES"/tools-*.erofs | tail -n +9 | while read -r old; do rm -f "$old"; done
}

tools_hash() { printf '%s\n%s\n%s\n' "$TOOLS_KEY" "$(hash_of < "$TOOLS_TREE.packages")" "$WORKER_HASH" | hash_of; }

for leftover in "$CACHE"/work.*; do
	[ ! -e "$leftover" ] || rm -rf --one-file-system "$leftover"
done
DISK=$(mktemp -d "$CACHE/work.XXXXXX")
WORK=$DISK/work
mkdir "$WORK"
chmod 755 "$DISK"
$python -I "$HERE/operator_settings.py" --out "$IMAGES/operator" --host-sources "$WORK/host.sources" \
	--notes "$CACHE/operator.notes" --suite "$SUITE" ||
	fail "the operator's settings could not be read"

drop_unfinished
make_templates

read -r stamp_recipe BASE <<< "$(read_line "$CACHE/base.stamp")" || :
WORKER_HASH=$(hash_of < "$WORKER")
need_base=1 need_tree=1
[ $REFRESH = 1 ] || [ "${stamp_recipe:-}" != "$RECIPE" ] || [ ! -s "$IMAGES/base-${BASE:-}.erofs" ] || need_base=0
if [ $need_base = 0 ]; then
	put_line "$IMAGES/base.current" "$BASE"
	TOOLS_KEY=$(printf '%s\n%s\n' "$TOOLS_RECIPE" "$BASE" | hash_of)
	TOOLS_TREE=$CACHE/tools-tree-$TOOLS_KEY
	[ ! -d "$TOOLS_TREE" ] || need_tree=0
	if [ $need_tree = 0 ]; then
		TOOLS=$(tools_hash)
		if [ -s "$IMAGES/tools-$TOOLS.erofs" ]; then
			touch "$IMAGES/tools-$TOOLS.erofs"
			put_line "$IMAGES/tools.current" "$TOOLS"
			exit 0
		fi
	fi
fi

# apt and dpkg sync many small files: in memory, where there is enough, that costs nothing.
memory=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
if [ $need_tree = 1 ] && [ "${memory:-0}" -gt 4000 ]; then
	mv "$WORK" "$DISK/first"
	mkdir "$WORK"
	mount -t tmpfs -o size=2g,mode=755 tmpfs "$WORK" || :
	mv "$DISK/first/"* "$WORK/"
fi

: > "$LOG"
STEPS=$((3 * need_base + 2 * need_tree + 1))
for tool in mkfs.erofs mkfs.ext4 mount $([ $need_base = 0 ] || echo mmdebstrap); do
	command -v "$tool" > /dev/null || fail "$tool is missing; run make deps"
done
write_dpkg_conf "$WORK/dpkg"
if [ $need_tree = 1 ]; then
	mkdir "$WORK/uv-wheel"
	fetch_uv "$WORK/uv-wheel" > "$WORK/uv.log" 2>&1 &
	UV_JOB=$!
fi
if [ $need_base = 1 ]; then
	make_base
	TOOLS_KEY=$(printf '%s\n%s\n' "$TOOLS_RECIPE" "$BASE" | hash_of)
	TOOLS_TREE=$CACHE/tools-tree-$TOOLS_KEY
fi
[ $REFRESH = 0 ] || rm -rf --one-file-system "$TOOLS_TREE"
[ -d "$TOOLS_TREE" ] || make_tools_tree
TOOLS=$(tools_hash)
make_tools

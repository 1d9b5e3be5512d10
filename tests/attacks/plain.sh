# Runs the attacks without a sandbox, but where they hurt nobody: plain.sh FOLDER PROGRAM, in new namespaces of its own.
# Its root is a layer over the machine's, thrown away with them.
set -e
mount --make-rprivate /
mount -t tmpfs plain "$1"
cd "$1"
mkdir up work root
mount -t overlay -o lowerdir=/,upperdir=up,workdir=work plain root
mount -t proc proc root/proc
mount --rbind /dev root/dev
mount -t tmpfs plain root/dev/shm
mount --rbind /sys root/sys
mount -t tmpfs plain root/tmp
ip link set lo up
cp "$2" root/bin/attack
cp "$2" root/bin/suid
chmod 4755 root/bin/suid
cd root
mkdir old
pivot_root . old
umount -l old
mkfifo /tmp/up
/bin/attack victim > /tmp/up &
read -r line < /tmp/up
test "$line" = ready
exec 9< /dev/null                        # as if somebody had forgotten one
exec /bin/attack all

# base.sh - what is in the base image. Read by make-images.sh; the image is named by this file's content and
# the packages' versions: every environment is built on a base, so a change here builds them all again.
#
# Byte-compiled with unchecked hashes: the images have no time stamps (mkfs.erofs -T0), and Gradio starts
# three times slower without .pyc files.

SUITE=bookworm
# usr-is-merged instead of usrmerge: the latter needs all of perl, 50 MB.
BASE_PACKAGES=python3,python3-distutils,ca-certificates,libstdc++6,libgomp1,tzdata,netbase

# Configuration that stays in the base image, for packages.txt of Spaces.
write_dpkg_conf() { # TREE
	mkdir -p "$1/etc/dpkg/dpkg.cfg.d" "$1/etc/apt/apt.conf.d"
	cat > "$1/etc/dpkg/dpkg.cfg.d/90vitrine" <<-'EOF'
		path-exclude=/usr/share/man/*
		path-exclude=/usr/share/info/*
		path-exclude=/usr/share/lintian/*
		path-exclude=/usr/share/locale/*
		path-exclude=/usr/share/doc/*
		path-include=/usr/share/doc/*/copyright
		force-unsafe-io
	EOF
	# apt would change to user _apt, which a sandbox with one mapped user may not allow.
	cat > "$1/etc/apt/apt.conf.d/90vitrine" <<-'EOF'
		APT::Install-Recommends "false";
		APT::Install-Suggests "false";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Acquire::Retries "2";
		Dpkg::Use-Pty "false";
	EOF
}

# Sources and proxies are the operator's and change without a new base: links to what the launcher binds at /etc/operator.
link_operator() { # TREE
	rm -rf "$1/etc/apt/sources.list" "$1"/etc/apt/sources.list.d/*
	ln -sf /etc/operator/debian.sources "$1/etc/apt/sources.list.d/debian.sources"
	ln -sf /etc/operator/apt.conf "$1/etc/apt/apt.conf.d/99operator"
}

finish_base() { # TREE
	local t=$1
	rm -rf "$t"/usr/share/{man,info,lintian,locale,bug,bash-completion} "$t"/usr/share/zoneinfo/{posix,right} \
		"$t"/var/cache/* "$t"/var/log/* "$t"/var/lib/apt/lists/* "$t"/var/lib/dpkg/*-old "$t"/var/cache/debconf/*-old \
		"$t"/var/backups/* "$t"/run/* "$t"/tmp/* "$t"/etc/*- "$t"/etc/.pwd.lock "$t"/etc/apt/preferences.d/usrmerge \
		"$t"/etc/machine-id "$t"/etc/resolv.conf "$t"/etc/hostname "$t"/boot "$t"/media "$t"/srv "$t"/mnt/*
	find "$t/usr/share/doc" ! -type d ! -name copyright -delete
	find "$t/usr/share/doc" -depth -type d -empty -delete
	# Mount points of the sandbox; what is a file there is a file here.
	mkdir -p "$t"/{data,env,in,proc,sys,dev,tmp,run,etc/operator,var/cache/apt/archives/partial,var/lib/apt/lists/partial,var/log/apt} \
		"$t/usr/local/lib/vitrine-env" "$t/home/user/app"
	for f in out etc/resolv.conf etc/hosts etc/hostname etc/machine-id; do : > "$t/$f"; done
	printf '#!/bin/sh\nexit 101\n' > "$t/usr/sbin/policy-rc.d"
	chmod 755 "$t/usr/sbin/policy-rc.d"
	ln -sf python3 "$t/usr/bin/python"
	grep -q '^user:' "$t/etc/passwd" || {
		echo 'user:x:1000:1000::/home/user:/bin/bash' >> "$t/etc/passwd"
		echo 'user:x:1000:' >> "$t/etc/group"
		echo 'user:!:19000::::::' >> "$t/etc/shadow"
	}
	chown -R 1000:1000 "$t/home/user" "$t/data" "$t/env"
	chmod 1777 "$t/tmp"
	write_dpkg_conf "$t"
	link_operator "$t"
}

compile_base() { # TREE
	find "$1/usr/lib/python3" "$1/usr/lib/python3.11" "$1/usr/share/python3" -name '*.pyc' -delete
	# -B: else what compileall itself imports is written with time stamps first, and then taken for done.
	job chroot "$1" python3 -I -B -m compileall -q -f -j 2 --invalidation-mode unchecked-hash /usr/lib/python3.11 /usr/lib/python3
}

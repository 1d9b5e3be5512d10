# tools.sh - what is in the tools image, beside vitrine-worker. Read by make-images.sh.

TOOLS_PACKAGES="git git-lfs erofs-utils libarchive13"
# uv comes as a wheel whose only content of interest is one binary.
UV_VERSION=0.13.9
UV_SHA256_x86_64=d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19
UV_SHA256_aarch64=ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375

# Only what is added to the base. Its package database stays away: a packages.txt that names git must install
# it, because the running app does not see this image. perl is left out: only git's e-mail and svn commands
# need it; so are git-lfs's system-wide filters, which would fetch while a hostile tree is checked out.
finish_tools() { # TREE
	local t=$1
	rm -rf "$t"/var "$t"/run "$t"/tmp "$t"/home "$t"/root "$t"/dev "$t"/proc "$t"/sys "$t"/etc/operator "$t"/etc/resolv.conf \
		"$t"/etc/apt "$t"/etc/dpkg "$t"/etc/shadow* "$t"/etc/passwd* "$t"/etc/group* "$t"/etc/gshadow* "$t"/etc/*- \
		"$t"/etc/gitconfig "$t"/etc/bash_completion.d "$t"/usr/bin/perl* \
		"$t"/usr/share/{doc,man,locale,lintian,perl,perl5,git-core,gitweb,bash-completion,mime,emacs,doc-base} \
		"$t"/usr/lib/*-linux-gnu/{perl,perl5,libperl.so*,gconv} "$t"/etc/perl
	find "$t" -type f -exec grep -lIm1 "^#!.*perl" {} + | xargs -r rm -f
	find "$t" -type c -delete               # whiteouts: what the installation removed from the base may stay
	find "$t" -type d -name __pycache__ -prune -exec rm -rf {} +
	mkdir -p "$t/usr/local/bin"
	chmod 755 "$t"
}

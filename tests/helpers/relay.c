/* Stands in for vitrine-server, -edge and -egress: hands its end of the launcher's socket to the test and waits. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char text[4096] = "", control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { text, 0 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	int fd = -1, s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	const char *key = NULL;
	char allow[256] = "";
	ssize_t n;

	for (int i = 0; i < argc; i++) {
		strncat(text, argv[i], sizeof(text) - strlen(text) - 2);
		strcat(text, "\n");
		if (i + 1 < argc && (!strcmp(argv[i], "--launch-fd") || !strcmp(argv[i], "--launcher-fd")))
			fd = atoi(argv[i + 1]);
		if (i + 1 < argc && !strcmp(argv[i], "--domain"))
			key = argv[i + 1];
		if (i + 1 < argc && !strcmp(argv[i], "--allow-fd")) {
			n = read(atoi(argv[i + 1]), allow, sizeof(allow) - 1);
			if (n > 6)
				allow[strcspn(allow, "\n")] = 0, key = allow + 6;         /* allow=KEY */
		}
	}
	snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "vitrine-%s", key ? key : "");
	if (connect(s, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(at.sun_path + 1))) < 0) {
		/* Server and edge have a network namespace of their own, where no abstract name of the test is. */
		const char *const doors[] = { "/state/door", "/run/door" };
		int r = -1;

		for (unsigned i = 0; r < 0 && i < 2; i++) {
			memset(at.sun_path, 0, sizeof(at.sun_path));
			strncpy(at.sun_path, doors[i], sizeof(at.sun_path) - 1);
			r = connect(s, (struct sockaddr *)&at, sizeof(at));
		}
		if (r < 0) {
			perror("relay: connect");
			return 3;
		}
	}
	iov.iov_len = strlen(text);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(s, &mh, 0) < 0)
		return 4;
	close(fd);
	return (int)read(s, text, 1);   /* ends with the test */
}

#include "launcher.h"

int main(int argc, char **argv)
{
	static struct launcher l;
	struct launch_probe p;
	struct sp_err e;
	bool probe = false;

	log_init("launcher", LOG_LEVEL_INFO);
	if (host_args(&l, argc, argv, &probe, &e) < 0) {
		log_err("%s", e.msg);
		return 2;
	}
	if (probe) {
		if (probe_host(&l, &p, &e) < 0) {
			log_err("%s", e.msg);
			return 1;
		}
		printf("kernel     %s\ncgroups    %s\ncan run    %s\ncan build  %s\nmissing    %s\n", p.kernel,
			p.cgroup == 0 ? "none" : p.cgroup == 1 ? "v1" : "v2", p.can_run ? "yes" : "no", p.can_build ? "yes" : "no", p.missing);
		return p.can_run ? 0 : 1;
	}
	if (host_open(&l, &e) < 0 || loop_run(&l, &e) < 0) {
		log_err("%s", e.msg);
		return 1;
	}
	log_info("stopped");
	return 0;
}

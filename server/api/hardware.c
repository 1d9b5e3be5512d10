#include <unistd.h>

#include "limit.h"
#include "server/http/http.h"

/* hf-api.md 5.4, C-HF-80: the one flavour that there is; apps share the machine's cores. */
int api_hardware(struct http_req *rq, struct http_resp *rs, struct sp_err *e)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	const char *cpu = sp_arena_fmt(rq->arena, "%ld vCPU", cores > 0 ? cores : 1);
	const char *ram = sp_arena_fmt(rq->arena, "%lld GB", (long long)SP_LIMIT_run_memory_bytes >> 30);
	json_t *one = json_pack("{s:s, s:s, s:s, s:s, s:n, s:i, s:i, s:s}", "name", "cpu-basic", "prettyName", "CPU basic", "cpu", cpu, "ram", ram,
			"accelerator", "unitCostMicroUSD", 0, "unitCostUSD", 0, "unitLabel", "minute");

	if (!one)
		return sp_fail(e, SP_EBUG, 0, "the hardware could not be written as JSON");
	return http_reply_json(rq, rs, 200, json_pack("[o]", one));
}

/*
 * sdk.h - one file per kind of Space behind one table.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "route.h"
#include "runtime/build/front_matter.h"
#include "runtime/build/strv.h"

struct recipe;

struct sdk {
	const char *name;               /* as in README.md */
	enum route_sdk route;
	const char *app_file;           /* default of app_file; NULL: app_file is not asked for */
	uint32_t port;                  /* where the app listens */
	bool port_by_readme;            /* app_port may say otherwise */
	bool not_yet;                   /* known, not built by this version */
	bool runs;                      /* has a process and an environment */
	const char *probe;              /* request line of the readiness check, "HEAD / HTTP/1.1" */

	/* What the SDK itself adds to the one resolution with requirements.txt. */
	void (*packages)(const struct front_matter *fm, struct strv *out);
	void (*command)(const struct recipe *r, struct strv *argv);
	void (*environment)(const struct recipe *r, struct strv *env);
};

const struct sdk *sdk_by_name(const char *name);        /* NULL: no such SDK */

extern const struct sdk sdk_gradio, sdk_streamlit, sdk_static, sdk_docker;

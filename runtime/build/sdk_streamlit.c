#include "recipe.h"

static void packages(const struct front_matter *fm, struct strv *out)
{
	if (fm->sdk_version)
		strv_fmt(out, "streamlit==%s", fm->sdk_version);
	else
		strv_add(out, "streamlit");
}

static void command(const struct recipe *r, struct strv *argv)
{
	strv_add(argv, "streamlit");
	strv_add(argv, "run");
	strv_add(argv, r->app_file);
}

/* C-STREAMLIT-01, C-STREAMLIT-10. The address keeps it from asking the internet for its own (clients.md 0). */
static void environment(const struct recipe *r, struct strv *env)
{
	strv_fmt(env, "STREAMLIT_SERVER_PORT=%u", r->port);
	strv_add(env, "STREAMLIT_SERVER_ADDRESS=0.0.0.0");
	strv_add(env, "STREAMLIT_SERVER_HEADLESS=true");
	strv_add(env, "STREAMLIT_SERVER_ENABLE_CORS=false");
	strv_add(env, "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION=false");
	strv_add(env, "STREAMLIT_SERVER_FILE_WATCHER_TYPE=none");
	strv_add(env, "STREAMLIT_SERVER_RUN_ON_SAVE=false");
	strv_add(env, "STREAMLIT_BROWSER_GATHER_USAGE_STATS=false");
	strv_add(env, "STREAMLIT_BROWSER_SERVER_ADDRESS=localhost");
}

const struct sdk sdk_streamlit = {
	.name = "streamlit",
	.route = ROUTE_SDK_STREAMLIT,
	.app_file = "app.py",
	.port = 8501,
	.runs = true,
	.probe = "GET /_stcore/health HTTP/1.1",        /* C-STREAMLIT-07 */
	.packages = packages,
	.command = command,
	.environment = environment,
};

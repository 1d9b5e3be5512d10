#include "recipe.h"

/* app-frameworks.md 1.4: the line of the Hub's own image builds. */
static void packages(const struct front_matter *fm, struct strv *out)
{
	if (fm->sdk_version)
		strv_fmt(out, "gradio[oauth,mcp]==%s", fm->sdk_version);
	else
		strv_add(out, "gradio[oauth,mcp]");
	strv_add(out, "uvicorn>=0.14.0");
	strv_add(out, "websockets>=10.4");
	strv_add(out, "spaces");
}

static void command(const struct recipe *r, struct strv *argv)
{
	strv_add(argv, "python");
	strv_add(argv, r->app_file);
}

/* C-GRADIO-01, C-GRADIO-02; never GRADIO_VIBE_MODE (C-GRADIO-03). */
static void environment(const struct recipe *r, struct strv *env)
{
	strv_add(env, "GRADIO_SERVER_NAME=0.0.0.0");
	strv_fmt(env, "GRADIO_SERVER_PORT=%u", r->port);
	strv_add(env, "GRADIO_NUM_PORTS=1");
	strv_add(env, "GRADIO_ANALYTICS_ENABLED=False");
	strv_add(env, "GRADIO_SSR_MODE=False");
	strv_add(env, "GRADIO_TEMP_DIR=/home/user/.cache/gradio");
	strv_add(env, "GRADIO_EXAMPLES_CACHE=/home/user/.cache/gradio-examples");
}

const struct sdk sdk_gradio = {
	.name = "gradio",
	.route = ROUTE_SDK_GRADIO,
	.app_file = "app.py",
	.port = 7860,
	.runs = true,
	.probe = "HEAD / HTTP/1.1",             /* C-GRADIO-07 */
	.packages = packages,
	.command = command,
	.environment = environment,
};

#include "sdk.h"

/* Files only: the server answers from the repository (C-HF-112). */
const struct sdk sdk_static = {
	.name = "static",
	.route = ROUTE_SDK_STATIC,
	.app_file = "index.html",
};

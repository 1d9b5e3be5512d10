#include "sdk.h"

const struct sdk sdk_docker = {
	.name = "docker",
	.route = ROUTE_SDK_DOCKER,
	.port = 7860,
	.port_by_readme = true,
	.not_yet = true,
};

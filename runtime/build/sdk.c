#include "sdk.h"

#include <string.h>

static const struct sdk *const sdks[] = { &sdk_gradio, &sdk_streamlit, &sdk_static, &sdk_docker };

const struct sdk *sdk_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(sdks) / sizeof(sdks[0]); i++)
		if (strcmp(sdks[i]->name, name) == 0)
			return sdks[i];
	return NULL;
}

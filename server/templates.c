#include "server/templates.h"

#include <strings.h>

#define NAMESPACE "vitrine/"

const struct template *templates_list(size_t *ret_n)
{
	*ret_n = template_count;
	return template_rows;
}

const struct template *template_find(const char *name)
{
	if (strncasecmp(name, NAMESPACE, sizeof(NAMESPACE) - 1) == 0)
		name += sizeof(NAMESPACE) - 1;
	for (size_t i = 0; i < template_count; i++)
		if (strcasecmp(template_rows[i].name, name) == 0)
			return &template_rows[i];
	return NULL;
}

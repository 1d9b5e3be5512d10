/* fuzz: runtime/build/front_matter.c runtime/build/yaml_tree.c */
/* fuzz-libs: -lyaml -ljansson */
#include <stdint.h>
#include <string.h>

#include "runtime/build/front_matter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct front_matter fm = { 0 };
	struct front_matter_where w;

	if (front_matter_parse_at((const char *)data, size, &fm, &w, NULL) < 0)
		return 0;
	if (fm.body_at > size || !front_matter_card_json(&fm))
		__builtin_trap();
	front_matter_fini(&fm);
	return 0;
}

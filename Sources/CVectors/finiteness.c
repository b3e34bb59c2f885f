#include "CVectors.h"

#include <string.h>

#include "Variants.h"

#define VARIANT_BODY "FinitenessBody.h"
#include "EachVariant.h"

bool vectors_are_finite(const void *values, ptrdiff_t count) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDE_VECTORS) return are_finite_wide(values, count);
#endif
  return are_finite_baseline(values, count);
}

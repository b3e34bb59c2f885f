#include "CVectors.h"

#include <string.h>

#include "Variants.h"

#define VARIANT(name) name##_baseline
#include "FinitenessBody.h"
#undef VARIANT

#if HAS_WIDE_VARIANT
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT(name) name##_wide
#include "FinitenessBody.h"
#undef VARIANT
#pragma clang attribute pop
#endif

bool vectors_are_finite(const void *values, ptrdiff_t count) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDE_VECTORS) return are_finite_wide(values, count);
#endif
  return are_finite_baseline(values, count);
}

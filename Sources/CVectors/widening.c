#include "CVectors.h"

#include <string.h>

#include "Variants.h"

#define VARIANT_BODY "WideningBody.h"
#include "EachVariant.h"

void vectors_widen_float16(
    const uint16_t *restrict from, float *restrict to, ptrdiff_t count) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDE_VECTORS) {
    widen_float16_wide(from, to, count);
    return;
  }
#endif
  widen_float16_baseline(from, to, count);
}

void vectors_widen_bfloat16(
    const uint16_t *restrict from, float *restrict to, ptrdiff_t count) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDE_VECTORS) {
    widen_bfloat16_wide(from, to, count);
    return;
  }
#endif
  widen_bfloat16_baseline(from, to, count);
}

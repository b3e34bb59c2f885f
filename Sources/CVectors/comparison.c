#include "CVectors.h"

#include <string.h>

#include "Variants.h"

#define VARIANT_BODY "ComparisonBody.h"
#include "EachVariant.h"

vectors_sums vectors_compare(const vectors_pairs *pairs, const vectors_screen *screen) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDE_VECTORS) return compare_wide(pairs, screen);
#endif
  return compare_baseline(pairs, screen);
}

vectors_sums vectors_compare_baseline(const vectors_pairs *pairs, const vectors_screen *screen) {
  return compare_baseline(pairs, screen);
}

void vectors_turn(
    const void *source, ptrdiff_t source_step, ptrdiff_t rows, ptrdiff_t columns, void *target,
    ptrdiff_t target_step) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDE_VECTORS) {
    turn_wide(source, source_step, rows, columns, target, target_step);
    return;
  }
#endif
  turn_baseline(source, source_step, rows, columns, target, target_step);
}

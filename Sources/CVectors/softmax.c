#include "CVectors.h"

#include <math.h>
#include <string.h>

#include "Variants.h"

/// Rows that are worked on at a time.
#define SOFTMAX_ROWS 4

#define VARIANT(name) name##_baseline
#include "SoftmaxBody.h"
#undef VARIANT

#if HAS_WIDE_VARIANT
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT(name) name##_wide
#include "SoftmaxBody.h"
#undef VARIANT
#pragma clang attribute pop
#endif

void vectors_softmax(
    float *values, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count, bool is_masked) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDE_VECTORS) {
    softmax_rows_wide(values, step, rows, count, is_masked);
    return;
  }
#endif
  softmax_rows_baseline(values, step, rows, count, is_masked);
}

void vectors_softmax_baseline(
    float *values, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count, bool is_masked) {
  softmax_rows_baseline(values, step, rows, count, is_masked);
}

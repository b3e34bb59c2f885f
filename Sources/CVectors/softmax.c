#include "CVectors.h"

#include <math.h>
#include <string.h>

#include "Variants.h"

#define VARIANT_BODY "SoftmaxBody.h"
#include "EachVariant.h"

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

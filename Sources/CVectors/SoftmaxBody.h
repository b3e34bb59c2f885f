// The body of vectors_softmax, included once for each kind of processor.

#include "SoftmaxRows.h"

static void VARIANT(softmax_rows)(
    float *values, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count, bool is_masked) {
  ptrdiff_t row = 0;
  for (; row + SOFTMAX_ROWS <= rows; row += SOFTMAX_ROWS) {
    VARIANT(softmax_side_by_side)(values + row * step, step, SOFTMAX_ROWS, count, is_masked);
  }
  for (; row < rows; row++) VARIANT(softmax_side_by_side)(values + row * step, step, 1, count, is_masked);
}

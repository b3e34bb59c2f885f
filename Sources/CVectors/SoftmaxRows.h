// softmax of a few rows, included once for each kind of processor, within what uses it.

#include "LaneFunctions.h"

/// The first `count` < 8 values at an address; the rest is −∞, which no softmax sees.
static inline __attribute__((always_inline)) void VARIANT(load_first)(
    f8 *lanes, const float *from, ptrdiff_t count) {
  *lanes = (f8){} - INFINITY;
  memcpy(lanes, from, (size_t)count * sizeof(float));
}

/// softmax of `count` values of each of `rows` ≤ SOFTMAX_ROWS rows in place. A row of −∞ alone becomes
/// zeros where `is_masked`, else NaN, as in PyTorch. Rows go side by side: each is one chain of dependent
/// steps.
static inline __attribute__((always_inline)) void VARIANT(softmax_side_by_side)(
    float *values, ptrdiff_t step, int rows, ptrdiff_t count, bool is_masked) {
  ptrdiff_t whole = count & ~(ptrdiff_t)7;
  f8 maxima[SOFTMAX_ROWS], sums[SOFTMAX_ROWS] = {}, lanes;
  for (int row = 0; row < rows; row++) {
    VARIANT(load_first)(&maxima[row], values + row * step + whole, count - whole);
  }
  for (ptrdiff_t i = 0; i < whole; i += 8) {
    for (int row = 0; row < rows; row++) {
      lanes = *(f8_anywhere *)(values + row * step + i);
      VARIANT(keep_larger)(&maxima[row], &lanes);
    }
  }
  for (int row = 0; row < rows; row++) maxima[row] = (f8){} + VARIANT(largest)(&maxima[row]);
  for (ptrdiff_t i = 0; i < whole; i += 8) {
    for (int row = 0; row < rows; row++) {
      f8_anywhere *at = (f8_anywhere *)(values + row * step + i);
      lanes = *at - maxima[row];
      VARIANT(exponential)(&lanes);
      *at = lanes;
      sums[row] += lanes;
    }
  }
  for (int row = 0; row < rows; row++) {
    float *line = values + row * step;
    if (is_masked && maxima[row][0] == -INFINITY) {
      memset(line, 0, (size_t)count * sizeof(float));
      continue;
    }
    if (count > whole) {
      VARIANT(load_first)(&lanes, line + whole, count - whole);
      lanes -= maxima[row];
      VARIANT(exponential)(&lanes);
      sums[row] += lanes;
    }
    float total = VARIANT(total)(&sums[row]);
    for (ptrdiff_t i = 0; i < whole; i += 8) *(f8_anywhere *)(line + i) /= total;
    if (count > whole) {
      lanes /= total;
      memcpy(line + whole, &lanes, (size_t)(count - whole) * sizeof(float));
    }
  }
}

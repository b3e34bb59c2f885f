// The bodies of vectors_compare and vectors_turn, included once for each kind of processor.

static vectors_sums VARIANT(compare)(const vectors_pairs *pairs, const vectors_screen *screen) {
  const f8 relative = (f8){} + screen->relative;
  const f8 allowed = (f8){} + screen->allowed;
  const f8 allowed_relative = (f8){} + screen->allowed_relative;
  const i8 bias = (i8){} + screen->step_bias, limit = (i8){} + screen->step_limit;
  const i8 magnitude = (i8){} + INT32_MAX;
  d4 errors[2] = {}, references[2] = {}, gots[2] = {};
  f8 largest = {}, peak = {};
  i8 caught = {};
  for (ptrdiff_t row = 0; row < pairs->rows; row++) {
    const f8_anywhere *got = (const void *)((const char *)pairs->got + row * pairs->got_step);
    const f8_anywhere *reference =
        (const void *)((const char *)pairs->reference + row * pairs->reference_step);
    for (ptrdiff_t i = 0; i < pairs->columns / 8; i++) {
      const f8 g = got[i], r = reference[i];
      const f8 size = (f8)((i8)(g - r) & magnitude), scale = (f8)((i8)r & magnitude);
      largest = PICK(size > largest, size, largest);
      peak = PICK(scale > peak, scale, peak);
      caught |= (size >= relative * scale) & ((i8)scale > 0);
      if (screen->is_elementwise) caught |= size > allowed + allowed_relative * scale;
      // Differences of bits wrap.
      caught |= (i8)((u8)g - (u8)r + (u8)bias) > limit;
      for (int half = 0; half < 2; half++) {
        const f4 narrow_got = half ? __builtin_shufflevector(g, g, 4, 5, 6, 7)
                                   : __builtin_shufflevector(g, g, 0, 1, 2, 3);
        const f4 narrow_reference = half ? __builtin_shufflevector(r, r, 4, 5, 6, 7)
                                         : __builtin_shufflevector(r, r, 0, 1, 2, 3);
        const d4 a = __builtin_convertvector(narrow_got, d4);
        const d4 b = __builtin_convertvector(narrow_reference, d4);
        const d4 error = a - b;
        errors[half] += error * error;
        references[half] += b * b;
        gots[half] += a * a;
      }
    }
  }
  vectors_sums sums = {};
  for (int lane = 0; lane < 4; lane++) {
    sums.squared_error += errors[0][lane] + errors[1][lane];
    sums.squared_reference += references[0][lane] + references[1][lane];
    sums.squared_got += gots[0][lane] + gots[1][lane];
    for (int half = 0; half < 2; half++) {
      sums.lane_error[4 * half + lane] = errors[half][lane];
      sums.lane_reference[4 * half + lane] = references[half][lane];
    }
  }
  for (int lane = 0; lane < 8; lane++) {
    if (largest[lane] > sums.largest) sums.largest = largest[lane];
    if (peak[lane] > sums.peak) sums.peak = peak[lane];
    sums.is_caught |= caught[lane] != 0;
  }
  return sums;
}

/// Eight by eight elements.
static inline __attribute__((always_inline)) void VARIANT(turn_tile)(
    const char *source, ptrdiff_t source_step, char *target, ptrdiff_t target_step) {
  f8 a[8], b[8];
  for (int i = 0; i < 8; i++) a[i] = *(const f8_anywhere *)(source + i * source_step);
  for (int i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; j++) {
      a[i + 2 * j] = __builtin_shufflevector(b[i + j], b[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      a[i + 2 * j + 1] = __builtin_shufflevector(b[i + j], b[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int i = 0; i < 4; i++) {
    *(f8_anywhere *)(target + i * target_step) =
        __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    *(f8_anywhere *)(target + (i + 4) * target_step) =
        __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

static void VARIANT(turn)(
    const void *source, ptrdiff_t source_step, ptrdiff_t rows, ptrdiff_t columns, void *target,
    ptrdiff_t target_step) {
  const char *from = source;
  char *to = target;
  ptrdiff_t whole_rows = rows & ~(ptrdiff_t)7, whole_columns = columns & ~(ptrdiff_t)7;
  for (ptrdiff_t row = 0; row < whole_rows; row += 8) {
    for (ptrdiff_t column = 0; column < whole_columns; column += 8) {
      VARIANT(turn_tile)(
          from + row * source_step + column * 4, source_step,
          to + column * target_step + row * 4, target_step);
    }
  }
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t column = row < whole_rows ? whole_columns : 0; column < columns; column++) {
      memcpy(to + column * target_step + row * 4, from + row * source_step + column * 4, 4);
    }
  }
}

// The body of convolutions of few channels, included once for each kind of processor.

typedef float VARIANT(lanes) __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int VARIANT(masks) __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

/// The most cells of the result that are summed at a time: what the registers hold, with one vector of
/// channels and with two.
enum { VARIANT(most_of_one) = 12, VARIANT(most_of_two) = LANES == 16 ? 12 : 6 };

/// The parts of a window that lie in the image: rows, and floats of a row.
typedef struct {
  ptrdiff_t first_row, last_row, first, last;
} VARIANT(part);

/// The first lanes of a vector, less than all, in runs of halving lengths.
INLINE void VARIANT(store_some)(const float *from, ptrdiff_t count, float *to) {
#define STORE(length)                              \
  if (count & (length)) {                          \
    __builtin_memcpy(to, from, 4 * (length));      \
    to += (length);                                \
    from += (length);                              \
  }
  STORE(8)
  STORE(4)
  STORE(2)
  STORE(1)
#undef STORE
}

/// Some neighbouring cells of the result, a few channels of each. `from` is the corner of the first one's
/// window, `weights` and `bias` begin with the first channel.
INLINE void VARIANT(sum_cells)(
    const vectors_windows *w, const float *from, VARIANT(part) part, const float *weights,
    const float *bias, bool rectifies, int cells, int vectors, ptrdiff_t channels, float *result) {
  typedef VARIANT(lanes) lanes;
  lanes sum[VARIANT(most_of_one)][2];
  ptrdiff_t run = w->window_width * w->channels, padded = w->padded_channels;
  ptrdiff_t step = w->step_across * w->channels, line = w->width * w->channels;
  for (int cell = 0; cell < cells; cell++) {
    for (int v = 0; v < vectors; v++) sum[cell][v] = *(const lanes *)(bias + v * LANES);
  }
  for (ptrdiff_t row = part.first_row; row < part.last_row; row++) {
    const float *in = from + row * line, *factors = weights + row * run * padded;
    for (ptrdiff_t tap = part.first; tap < part.last; tap++) {
      lanes factor[2];
      for (int v = 0; v < vectors; v++) {
        factor[v] = *(const lanes *)(factors + tap * padded + v * LANES);
      }
#pragma clang loop unroll(full)
      for (int cell = 0; cell < cells; cell++) {
        float value = in[cell * step + tap];
        for (int v = 0; v < vectors; v++) sum[cell][v] += value * factor[v];
      }
    }
  }
#pragma clang loop unroll(full)
  for (int cell = 0; cell < cells; cell++) {
    float *to = result + cell * w->result_channels;
    for (int v = 0; v < vectors; v++) {
      lanes y = sum[cell][v];
      if (rectifies) y = (lanes)((VARIANT(masks))y & ~(VARIANT(masks))(y < 0));
      ptrdiff_t rest = channels - v * LANES;
      if (rest >= LANES) {
        *(lanes *)(to + v * LANES) = y;
      } else {
        VARIANT(store_some)((const float *)&y, rest, to + v * LANES);
      }
    }
  }
}

/// Cells whose windows are as wide as `part` says, from `x` to before `end`. The last few of them are
/// summed together with some before them, once more.
INLINE void VARIANT(sum_run)(
    const vectors_windows *w, const float *image, VARIANT(part) part, const float *weights,
    const float *bias, bool rectifies, int vectors, ptrdiff_t channels, ptrdiff_t x, ptrdiff_t end,
    float *result) {
#define SUM_CELLS(cells)                                                                        \
  while (x < end && start + (cells) <= end) {                                                   \
    if (x + (cells) > end) x = end - (cells);                                                   \
    VARIANT(sum_cells)(                                                                         \
        w, image + x * w->step_across * w->channels, part, weights, bias, rectifies, cells,     \
        vectors, channels, result + x * w->result_channels);                                    \
    x += (cells);                                                                               \
  }
  ptrdiff_t start = x;
  if (vectors == 1) {
    SUM_CELLS(VARIANT(most_of_one))
    SUM_CELLS(8)
    SUM_CELLS(4)
    SUM_CELLS(2)
  } else {
    SUM_CELLS(VARIANT(most_of_two))
    SUM_CELLS(4)
    SUM_CELLS(2)
  }
  SUM_CELLS(1)
#undef SUM_CELLS
}

/// A row of the result, one vector of its channels or two.
INLINE void VARIANT(sum_row)(
    const vectors_windows *w, const float *image, ptrdiff_t y, const float *weights,
    const float *bias, bool rectifies, int vectors, ptrdiff_t channels, float *result) {
  ptrdiff_t top = y * w->step_down - w->top, width = w->window_width;
  ptrdiff_t below = w->height - top;
  VARIANT(part) part = {
      top < 0 ? -top : 0, below < w->window_height ? below : w->window_height, 0, 0};
  const float *corner = image + (top * w->width - w->left) * w->channels;
  for (ptrdiff_t x = 0; x < w->result_width;) {
    ptrdiff_t left = x * w->step_across - w->left, right = w->width - left, end = x + 1;
    if (left >= 0 && right >= width) {
      // Up to the last window that ends in the image.
      end = x + (right - width) / w->step_across + 1;
      if (end > w->result_width) end = w->result_width;
    }
    part.first = left < 0 ? -left * w->channels : 0;
    part.last = (right < width ? right : width) * w->channels;
    VARIANT(sum_run)(
        w, corner, part, weights, bias, rectifies, vectors, channels, x, end, result);
    x = end;
  }
}

static void VARIANT(convolve_few)(
    const vectors_windows *w, const float *image, const float *weights, const float *bias,
    bool rectifies, ptrdiff_t first, ptrdiff_t count, float *result) {
  for (ptrdiff_t row = first; row < first + count; row++) {
    const float *whole = image + row / w->result_height * w->height * w->width * w->channels;
    float *to = result + row * w->result_width * w->result_channels;
    ptrdiff_t y = row % w->result_height;
    for (ptrdiff_t channel = 0; channel < w->result_channels;) {
      ptrdiff_t rest = w->result_channels - channel;
      const float *factors = weights + channel, *addends = bias + channel;
#if LANES == 16
      // Half a vector takes half the time where a processor has no whole ones.
      if (rest <= 8) {
        sum_row_wide(w, whole, y, factors, addends, rectifies, 1, rest, to + channel);
        break;
      }
      int vectors = rest > 24 ? 2 : 1;
#else
      int vectors = rest > LANES ? 2 : 1;
#endif
      if (vectors == 2) {
        VARIANT(sum_row)(w, whole, y, factors, addends, rectifies, 2, rest, to + channel);
      } else {
        VARIANT(sum_row)(w, whole, y, factors, addends, rectifies, 1, rest, to + channel);
      }
      channel += vectors * LANES;
    }
  }
}

#undef INLINE

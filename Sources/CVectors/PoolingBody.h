// The body of pooling, included once for each kind of processor.

typedef float VARIANT(lanes) __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int VARIANT(masks) __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

/// Some neighbouring channels: `vectors` vectors of them.
INLINE void VARIANT(pool_vectors)(
    const vectors_pooled_cells *cells, const float *from, int vectors, float *result) {
  typedef VARIANT(lanes) lanes;
  typedef VARIANT(masks) masks;
  bool is_maximum = cells->divisor == 0;
  lanes pooled[4];
  for (int v = 0; v < vectors; v++) pooled[v] = is_maximum ? (lanes){} - INFINITY : (lanes){};
  for (ptrdiff_t row = 0; row < cells->rows; row++) {
    const float *cell = from + row * cells->row_step;
    for (ptrdiff_t column = 0; column < cells->columns; column++, cell += cells->column_step) {
      for (int v = 0; v < vectors; v++) {
        lanes x = *(const lanes *)(cell + v * LANES);
        if (is_maximum) {
          masks is_larger = (masks)(x > pooled[v]) | (masks)(x != x);
          pooled[v] = (lanes)((is_larger & (masks)x) | (~is_larger & (masks)pooled[v]));
        } else {
          pooled[v] += x;
        }
      }
    }
  }
  for (int v = 0; v < vectors; v++) {
    *(lanes *)(result + v * LANES) = is_maximum ? pooled[v] : pooled[v] / cells->divisor;
  }
}

static void VARIANT(pool)(
    const vectors_pooled_cells *cells, const float *corner, ptrdiff_t channels, float *result) {
  ptrdiff_t channel = 0;
  for (; channel + 4 * LANES <= channels; channel += 4 * LANES) {
    VARIANT(pool_vectors)(cells, corner + channel, 4, result + channel);
  }
  for (; channel + LANES <= channels; channel += LANES) {
    VARIANT(pool_vectors)(cells, corner + channel, 1, result + channel);
  }
  if (channel == channels) return;
  if (channels >= LANES) {
    // The last ones together with some before them, once more.
    channel = channels - LANES;
    return VARIANT(pool_vectors)(cells, corner + channel, 1, result + channel);
  }
#if LANES == 16
  if (channels >= 8) return pool_wide(cells, corner, channels, result);
#endif
  for (; channel < channels; channel++) {
    float pooled = cells->divisor == 0 ? -INFINITY : 0;
    for (ptrdiff_t row = 0; row < cells->rows; row++) {
      const float *cell = corner + row * cells->row_step + channel;
      for (ptrdiff_t column = 0; column < cells->columns; column++, cell += cells->column_step) {
        float x = *cell;
        if (cells->divisor != 0) {
          pooled += x;
        } else if (x > pooled || x != x) {
          pooled = x;
        }
      }
    }
    result[channel] = cells->divisor == 0 ? pooled : pooled / cells->divisor;
  }
}

#undef INLINE

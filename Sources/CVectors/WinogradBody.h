// The body of Winograd's transforms, included once for each kind of processor.

typedef float VARIANT(lanes) __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int VARIANT(masks) __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

/// Bᵀ·d for six cells of a line.
INLINE void VARIANT(to_points)(const VARIANT(lanes) *d, VARIANT(lanes) *to) {
  VARIANT(lanes) near = NEAR * (d[3] - FAR2 * d[1]), beside_near = d[4] - FAR2 * d[2];
  VARIANT(lanes) far = FAR * (d[3] - NEAR2 * d[1]), beside_far = d[4] - NEAR2 * d[2];
  to[0] = NEAR2 * FAR2 * d[0] - (NEAR2 + FAR2) * d[2] + d[4];
  to[1] = beside_near + near;
  to[2] = beside_near - near;
  to[3] = beside_far + far;
  to[4] = beside_far - far;
  to[5] = NEAR2 * FAR2 * d[1] - (NEAR2 + FAR2) * d[3] + d[5];
}

/// Aᵀ·m for six points of a line.
INLINE void VARIANT(from_points)(const VARIANT(lanes) *m, VARIANT(lanes) *to) {
  VARIANT(lanes) near_sum = m[1] + m[2], near_difference = m[1] - m[2];
  VARIANT(lanes) far_sum = m[3] + m[4], far_difference = m[3] - m[4];
  to[0] = m[0] + near_sum + far_sum;
  to[1] = NEAR * near_difference + FAR * far_difference;
  to[2] = NEAR2 * near_sum + FAR2 * far_sum;
  to[3] = NEAR2 * NEAR * near_difference + FAR2 * FAR * far_difference + m[5];
}

static void VARIANT(tiles_of_weights)(
    const float *weights, ptrdiff_t inputs, ptrdiff_t outputs, ptrdiff_t first, ptrdiff_t last,
    float *result) {
  const double near = NEAR, far = FAR, gap = NEAR2 - FAR2;
  const double by_near = 1 / (2 * NEAR2 * gap), by_far = -1 / (2 * FAR2 * gap);
  const double g[points][3] = {
      {1.0 / (NEAR2 * FAR2), 0, 0},
      {by_near, by_near * near, by_near * NEAR2},
      {by_near, -by_near * near, by_near * NEAR2},
      {by_far, by_far * far, by_far * FAR2},
      {by_far, -by_far * far, by_far * FAR2},
      {0, 0, 1},
  };
  // Outputs that go side by side, in float64.
  enum { lanes = 8 };
  for (ptrdiff_t input = first; input < last; input++) {
    for (ptrdiff_t output = 0; output < outputs; output += lanes) {
      double window[3][3][lanes], half[points][3][lanes];
      for (int lane = 0; lane < lanes; lane++) {
        const float *from = weights + ((output + lane) * inputs + input) * 9;
        for (int cell = 0; cell < 9; cell++) window[cell / 3][cell % 3][lane] = from[cell];
      }
      for (int row = 0; row < points; row++) {
        for (int column = 0; column < 3; column++) {
          for (int lane = 0; lane < lanes; lane++) {
            half[row][column][lane] = g[row][0] * window[0][column][lane]
                + g[row][1] * window[1][column][lane] + g[row][2] * window[2][column][lane];
          }
        }
      }
      for (int point = 0; point < planes; point++) {
        const double *factor = g[point % points];
        double(*line)[lanes] = half[point / points];
        float *to = result + (point * inputs + input) * outputs + output;
        for (int lane = 0; lane < lanes; lane++) {
          to[lane] = (float)(factor[0] * line[0][lane] + factor[1] * line[1][lane]
                             + factor[2] * line[2][lane]);
        }
      }
    }
  }
}

static void VARIANT(tiles_of_image)(
    const vectors_tiling *tiling, const float *image, ptrdiff_t first, ptrdiff_t count,
    float *result, ptrdiff_t plane) {
  typedef VARIANT(lanes) lanes;
  ptrdiff_t rows = (tiling->result_height + tile - 1) / tile;
  ptrdiff_t columns = (tiling->result_width + tile - 1) / tile;
  ptrdiff_t channels = tiling->channels;
  for (ptrdiff_t index = first; index < first + count; index++) {
    const float *whole = image + index / (rows * columns) * tiling->height * tiling->width * channels;
    ptrdiff_t y = index / columns % rows * tile - tiling->top;
    ptrdiff_t x = index % columns * tile - tiling->left;
    // Cells beyond the image read the same zeros for every channel.
    const float *cells[planes];
    ptrdiff_t steps[planes];
    for (int cell = 0; cell < planes; cell++) {
      ptrdiff_t row = y + cell / points, column = x + cell % points;
      bool is_inside = row >= 0 && row < tiling->height && column >= 0 && column < tiling->width;
      cells[cell] = is_inside ? whole + (row * tiling->width + column) * channels : zeros;
      steps[cell] = is_inside;
    }
    float *to = result + (index - first) * channels;
    for (ptrdiff_t channel = 0; channel < channels; channel += LANES) {
      lanes half[points][points];
      for (int row = 0; row < points; row++) {
        lanes line[points];
        for (int column = 0; column < points; column++) {
          int cell = row * points + column;
          line[column] = *(const lanes *)(cells[cell] + steps[cell] * channel);
        }
        VARIANT(to_points)(line, half[row]);
      }
      for (int column = 0; column < points; column++) {
        lanes line[points], at[points];
        for (int row = 0; row < points; row++) line[row] = half[row][column];
        VARIANT(to_points)(line, at);
        for (int row = 0; row < points; row++) {
          *(lanes *)(to + (row * points + column) * plane + channel) = at[row];
        }
      }
    }
  }
}

static bool VARIANT(image_of_tiles)(
    const vectors_tiling *tiling, const float *products, ptrdiff_t plane, ptrdiff_t first,
    ptrdiff_t count, const float *bias, const float *residual, bool rectifies, float *result) {
  typedef VARIANT(lanes) lanes;
  ptrdiff_t rows = (tiling->result_height + tile - 1) / tile;
  ptrdiff_t columns = (tiling->result_width + tile - 1) / tile;
  ptrdiff_t channels = tiling->result_channels;
  // x·0 is ±0 for every finite x and NaN for the others.
  lanes odd = {};
  for (ptrdiff_t index = first; index < first + count; index++) {
    ptrdiff_t y = index / columns % rows * tile, x = index % columns * tile;
    ptrdiff_t height = tiling->result_height - y, width = tiling->result_width - x;
    if (height > tile) height = tile;
    if (width > tile) width = tile;
    ptrdiff_t corner = ((index / (rows * columns) * tiling->result_height + y)
                        * tiling->result_width + x) * channels;
    const float *from = products + (index - first) * channels;
    for (ptrdiff_t channel = 0; channel < channels; channel += LANES) {
      lanes half[tile][points], addend = {};
      if (bias) addend = *(const lanes *)(bias + channel);
      for (int column = 0; column < points; column++) {
        lanes line[points], at[tile];
        for (int row = 0; row < points; row++) {
          line[row] = *(const lanes *)(from + (row * points + column) * plane + channel);
        }
        VARIANT(from_points)(line, at);
        for (int row = 0; row < tile; row++) half[row][column] = at[row];
      }
      for (ptrdiff_t row = 0; row < height; row++) {
        lanes cells[tile];
        VARIANT(from_points)(half[row], cells);
        ptrdiff_t place = corner + row * tiling->result_width * channels + channel;
        for (ptrdiff_t column = 0; column < width; column++, place += channels) {
          lanes sum = cells[column] + addend;
          if (residual) sum += *(const lanes *)(residual + place);
          odd += sum * 0;
          if (rectifies) sum = (lanes)((VARIANT(masks))sum & (VARIANT(masks))(sum > 0));
          *(lanes *)(result + place) = sum;
        }
      }
    }
  }
  float rest = 0;
  for (int lane = 0; lane < LANES; lane++) rest += odd[lane];
  return rest == 0;
}

#undef INLINE

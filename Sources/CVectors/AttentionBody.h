// The body of vectors_attend, included once for each kind of processor.

#include "SoftmaxRows.h"

/// `rows` ≤ TILE_ROWS rows of a·b: a's rows lie `a_step` apart, b's `columns`, a multiple of 8, in
/// aligned memory; so do the result's.
static inline __attribute__((always_inline)) void VARIANT(multiply)(
    const float *a, ptrdiff_t a_step, int rows, ptrdiff_t depth, const float *b, ptrdiff_t columns,
    float *result) {
  ptrdiff_t column = 0;
  for (; column + 16 <= columns; column += 16) {
    f8 sums[TILE_ROWS][2] = {};
    for (ptrdiff_t d = 0; d < depth; d++) {
      const f8 *line = (const f8 *)(b + d * columns + column);
      for (int row = 0; row < rows; row++) {
        float factor = a[row * a_step + d];
        sums[row][0] += factor * line[0];
        sums[row][1] += factor * line[1];
      }
    }
    for (int row = 0; row < rows; row++) {
      f8 *to = (f8 *)(result + row * columns + column);
      to[0] = sums[row][0];
      to[1] = sums[row][1];
    }
  }
  if (column < columns) {
    f8 sums[TILE_ROWS] = {};
    for (ptrdiff_t d = 0; d < depth; d++) {
      f8 line = *(const f8 *)(b + d * columns + column);
      for (int row = 0; row < rows; row++) sums[row] += a[row * a_step + d] * line;
    }
    for (int row = 0; row < rows; row++) *(f8 *)(result + row * columns + column) = sums[row];
  }
}

/// kᵀ, each row padded to a multiple of 8 with zeros.
static void VARIANT(turn)(const vectors_head *head, float *turned) {
  ptrdiff_t keys = padded(head->keys);
  for (ptrdiff_t d = 0; d < head->depth; d++) {
    float *line = turned + d * keys;
    const float *from = head->k + d;
    for (ptrdiff_t key = 0; key < head->keys; key++) line[key] = from[key * head->k_step];
    for (ptrdiff_t key = head->keys; key < keys; key++) line[key] = 0;
  }
}

/// Adds a row of the bias.
static inline void VARIANT(add_bias)(const vectors_head *head, ptrdiff_t query, float *scores) {
  const float *from = head->bias + query * head->bias_row_step;
  for (ptrdiff_t key = 0; key < head->keys; key++) scores[key] += from[key * head->bias_column_step];
}

/// `rows` ≤ TILE_ROWS queries from `query` on.
static inline __attribute__((always_inline)) void VARIANT(attend_rows)(
    const vectors_head *head, ptrdiff_t query, int rows, const float *turned, const float *values,
    float *scores, float *results) {
  ptrdiff_t keys = padded(head->keys), width = padded(head->width);
  VARIANT(multiply)(head->q + query * head->q_step, head->q_step, rows, head->depth, turned, keys, scores);
  for (int row = 0; row < rows; row++) {
    float *line = scores + row * keys;
    for (ptrdiff_t key = 0; key < keys; key += 8) *(f8 *)(line + key) *= head->scale;
    if (head->bias) VARIANT(add_bias)(head, query + row, line);
    // What pads a row has no weight.
    for (ptrdiff_t key = head->keys; key < keys; key++) line[key] = -INFINITY;
  }
  VARIANT(softmax_side_by_side)(scores, keys, rows, keys, head->bias != NULL);
  VARIANT(multiply)(scores, keys, rows, head->keys, values, width, results);
  for (int row = 0; row < rows; row++) {
    memcpy(head->output + (query + row) * head->output_step, results + row * width,
           (size_t)head->width * sizeof(float));
  }
}

static void VARIANT(attend)(const vectors_head *head, float *scratch) {
  ptrdiff_t keys = padded(head->keys), width = padded(head->width);
  float *turned = scratch, *values = turned + head->depth * keys;
  float *scores = values + head->keys * width, *results = scores + TILE_ROWS * keys;
  VARIANT(turn)(head, turned);
  for (ptrdiff_t key = 0; key < head->keys; key++) {
    memcpy(values + key * width, head->v + key * head->v_step, (size_t)head->width * sizeof(float));
    for (ptrdiff_t i = head->width; i < width; i++) values[key * width + i] = 0;
  }
  ptrdiff_t query = 0;
  for (; query + TILE_ROWS <= head->queries; query += TILE_ROWS) {
    VARIANT(attend_rows)(head, query, TILE_ROWS, turned, values, scores, results);
  }
  for (; query < head->queries; query++) {
    VARIANT(attend_rows)(head, query, 1, turned, values, scores, results);
  }
}

// Loops that gain from a processor's wide vectors.
//
// Swift compiles a function for the package's baseline processor alone; on x86 that is SSE2, half as
// wide as what nearly every machine has. Here each loop is compiled twice, and the wide one taken
// where the processor has AVX2 and FMA. On other architectures there is one of each. What does not
// gain from that is written in Swift.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// One head of scaled dot-product attention: softmax(q·kᵀ·scale + bias)·v of row-major float32
/// matrices. Steps count elements from one row to the next; columns are neighbours.
typedef struct {
  const float *_Nonnull q;
  ptrdiff_t q_step;
  const float *_Nonnull k;
  ptrdiff_t k_step;
  const float *_Nonnull v;
  ptrdiff_t v_step;
  /// Added to the scores [queries, keys]; NULL for none. A query for which that leaves −∞ alone gets
  /// zeros.
  const float *_Nullable bias;
  ptrdiff_t bias_row_step;
  ptrdiff_t bias_column_step;
  float *_Nonnull output;
  ptrdiff_t output_step;
  ptrdiff_t queries;
  ptrdiff_t keys;
  /// Columns of q and k.
  ptrdiff_t depth;
  /// Columns of v and of the output.
  ptrdiff_t width;
  float scale;
} vectors_head;

/// How many floats of scratch memory `vectors_attend` needs.
ptrdiff_t vectors_attend_scratch(const vectors_head *_Nonnull head);

/// Computes one small head, whose keys and values fit the first-level cache. The scratch memory is
/// aligned to 32 bytes.
void vectors_attend(const vectors_head *_Nonnull head, float *_Nonnull scratch);

/// The same as a processor without wide vectors computes it.
void vectors_attend_baseline(const vectors_head *_Nonnull head, float *_Nonnull scratch);

/// softmax of `count` values of each of some rows, in place: eˣ⁻ᵐᵃˣ over its sum. A row of −∞ alone
/// becomes zeros where `is_masked`, else NaN, as in PyTorch; NaN stays in its row.
void vectors_softmax(
    float *_Nonnull values, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count, bool is_masked);

/// The same without vectors that only some processors have.
void vectors_softmax_baseline(
    float *_Nonnull values, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t count, bool is_masked);


/// Rows of float32 elements on any bytes: of what was computed, and of a reference. Steps count bytes
/// from one row to the next.
typedef struct {
  const void *_Nonnull got;
  ptrdiff_t got_step;
  const void *_Nonnull reference;
  ptrdiff_t reference_step;
  ptrdiff_t rows;
  /// A multiple of 8.
  ptrdiff_t columns;
} vectors_pairs;

/// Bounds on elements. With d = |got − reference| and r = |reference|, an element is caught where
/// - d ≥ relative·r and r > 0, or
/// - is_elementwise and d > allowed + allowed_relative·r, or
/// - (bits of got − bits of reference) + step_bias > step_limit, in 32 bits that wrap.
typedef struct {
  float relative;
  bool is_elementwise;
  float allowed;
  float allowed_relative;
  int32_t step_bias;
  int32_t step_limit;
} vectors_screen;

/// Sums in float64 over all elements, and largest values, in which NaN counts for nothing.
typedef struct {
  /// Σ (got − reference)², of differences in float64.
  double squared_error;
  double squared_reference;
  double squared_got;
  /// The largest |got − reference|, each rounded to float32.
  float largest;
  /// The largest |reference|.
  float peak;
  /// Whether the screen caught an element.
  bool is_caught;
  /// The first two sums of each eighth column.
  double lane_error[8];
  double lane_reference[8];
} vectors_sums;

/// Goes through all pairs once.
vectors_sums vectors_compare(
    const vectors_pairs *_Nonnull pairs, const vectors_screen *_Nonnull screen);

/// The same as a processor without wide vectors computes it.
vectors_sums vectors_compare_baseline(
    const vectors_pairs *_Nonnull pairs, const vectors_screen *_Nonnull screen);

/// Transposes a matrix of 4-byte elements on any bytes. Steps count bytes from one row to the next:
/// of `rows` rows in the source, of `columns` rows in the target.
void vectors_turn(
    const void *_Nonnull source, ptrdiff_t source_step, ptrdiff_t rows, ptrdiff_t columns,
    void *_Nonnull target, ptrdiff_t target_step);

/// Whether no element of float32 values on any bytes is infinite or NaN.
bool vectors_are_finite(const void *_Nonnull values, ptrdiff_t count);

/// IEEE binary16 values as float32, each exactly; NaN keeps its bits.
void vectors_widen_float16(
    const uint16_t *_Nonnull from, float *_Nonnull to, ptrdiff_t count);

/// bfloat16 values as float32, each exactly.
void vectors_widen_bfloat16(
    const uint16_t *_Nonnull from, float *_Nonnull to, ptrdiff_t count);

/// A convolution by windows of 3×3 cells, one step apart, of channels-last images: its result falls into
/// tiles of 4×4 cells, counted row by row, image after image. Channels are multiples of 16.
typedef struct {
  ptrdiff_t height, width, channels;
  /// The zeros above and on the left of the image.
  ptrdiff_t top, left;
  ptrdiff_t result_height, result_width, result_channels;
} vectors_tiling;

/// Whether this was compiled with optimisation: without, what is done in vectors takes fifty times as long.
bool vectors_are_optimized(void);

/// What Winograd's form multiplies with: planes of a matrix [inputs, outputs] for each of its 36
/// points, from weights [outputs, inputs, 3, 3]; for the inputs from `first` to before `last`.
void vectors_tiles_of_weights(
    const float *_Nonnull weights, ptrdiff_t inputs, ptrdiff_t outputs, ptrdiff_t first,
    ptrdiff_t last, float *_Nonnull result);

/// `count` tiles from `first` on, of what is multiplied: 36 matrices [count, channels], `plane` apart.
void vectors_tiles_of_image(
    const vectors_tiling *_Nonnull tiling, const float *_Nonnull image, ptrdiff_t first,
    ptrdiff_t count, float *_Nonnull result, ptrdiff_t plane);

/// The result's cells of `count` tiles from `first` on, from the 36 products, `plane` apart. The bias of
/// each channel and the residual, an image like the result, are added where there are any; negative
/// values become 0 if `rectifies`.
///
/// Returns whether all sums were finite. Where they are not, what was not finite in one cell may have
/// come to others of its tile.
bool vectors_image_of_tiles(
    const vectors_tiling *_Nonnull tiling, const float *_Nonnull products, ptrdiff_t plane,
    ptrdiff_t first, ptrdiff_t count, const float *_Nullable bias,
    const float *_Nullable residual, bool rectifies, float *_Nonnull result);

/// A convolution of channels-last images whose windows reach over neighbouring cells.
typedef struct {
  ptrdiff_t height, width, channels;
  ptrdiff_t window_height, window_width, step_down, step_across;
  /// The zeros above and on the left of the image.
  ptrdiff_t top, left;
  ptrdiff_t result_height, result_width, result_channels;
  /// How many floats of weights each tap of a window has: the result's channels, up to a multiple of 16.
  ptrdiff_t padded_channels;
} vectors_windows;

/// `count` rows of the result from `first` on, counted image after image, for results of few channels.
/// Weights [window height, window width, channels, padded channels] and the bias are padded with zeros;
/// negative values become 0 if `rectifies`, NaN stays.
void vectors_convolve_few_channels(
    const vectors_windows *_Nonnull windows, const float *_Nonnull image,
    const float *_Nonnull weights, const float *_Nonnull bias, bool rectifies, ptrdiff_t first,
    ptrdiff_t count, float *_Nonnull result);

/// Cells of a channels-last image that become one; steps count floats. The mean divides the sum, from 0
/// and in the cells' order, by `divisor`; 0 asks for the maximum, which is NaN where a cell is.
typedef struct {
  ptrdiff_t rows, row_step, columns, column_step;
  float divisor;
} vectors_pooled_cells;

/// Pools each of the channels of the cells from `corner` on.
void vectors_pool(
    const vectors_pooled_cells *_Nonnull cells, const float *_Nonnull corner, ptrdiff_t channels,
    float *_Nonnull result);

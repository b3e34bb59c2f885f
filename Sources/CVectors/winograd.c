#include "CVectors.h"

#include <string.h>

#include "Variants.h"

// Winograd's minimal filtering F(4×4, 3×3) as Lavin and Gray give it (arXiv:1509.09308, section 4.4):
// Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A with tiles d of 6×6 cells and windows g of 3×3.

/// Cells of a tile of the result, of the image, and of both axes of the latter.
enum { tile = 4, points = 6, planes = 36 };

void vectors_tiles_of_weights(
    const float *weights, ptrdiff_t inputs, ptrdiff_t outputs, ptrdiff_t first, ptrdiff_t last,
    float *result) {
  static const double g[points][3] = {
      {1 / 4.0, 0, 0},
      {-1 / 6.0, -1 / 6.0, -1 / 6.0},
      {-1 / 6.0, 1 / 6.0, -1 / 6.0},
      {1 / 24.0, 1 / 12.0, 1 / 6.0},
      {1 / 24.0, -1 / 12.0, 1 / 6.0},
      {0, 0, 1},
  };
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

static const float zeros[16] __attribute__((aligned(64)));

#define WANTS_WIDEST
#define VARIANT_BODY "WinogradBody.h"
#include "EachVariant.h"

void vectors_tiles_of_image(
    const vectors_tiling *tiling, const float *image, ptrdiff_t first, ptrdiff_t count,
    float *result, ptrdiff_t plane) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDEST_VECTORS) return tiles_of_image_widest(tiling, image, first, count, result, plane);
  if (HAS_WIDE_VECTORS) return tiles_of_image_wide(tiling, image, first, count, result, plane);
#endif
  tiles_of_image_baseline(tiling, image, first, count, result, plane);
}

bool vectors_image_of_tiles(
    const vectors_tiling *tiling, const float *products, ptrdiff_t plane, ptrdiff_t first,
    ptrdiff_t count, const float *bias, const float *residual, bool rectifies, float *result) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDEST_VECTORS) {
    return image_of_tiles_widest(
        tiling, products, plane, first, count, bias, residual, rectifies, result);
  }
  if (HAS_WIDE_VECTORS) {
    return image_of_tiles_wide(
        tiling, products, plane, first, count, bias, residual, rectifies, result);
  }
#endif
  return image_of_tiles_baseline(
      tiling, products, plane, first, count, bias, residual, rectifies, result);
}

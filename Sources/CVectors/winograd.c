#include "CVectors.h"

#include "Variants.h"

// Winograd's minimal filtering F(4×4, 3×3) as Lavin and Gray give it (arXiv:1509.09308, section 4.1):
// Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A with tiles d of 6×6 cells and windows g of 3×3.
//
// Their points 0, ±1, ±2 and ∞ cost accuracy. With 0, ±11/16, ±23/16 and ∞ the error is half of theirs
// in the mean and a fifth at most, 1.8 and 1.4 times that of a sum over the windows; and every
// coefficient that meets an image is exact in float32.

/// Cells of a tile of the result, of the image, and of both axes of the latter.
enum { tile = 4, points = 6, planes = 36 };

/// The two points, and their squares.
#define NEAR (11 / 16.0f)
#define FAR (23 / 16.0f)
#define NEAR2 (NEAR * NEAR)
#define FAR2 (FAR * FAR)

static const float zeros[16] __attribute__((aligned(64)));

#define WANTS_WIDEST
#define VARIANT_BODY "WinogradBody.h"
#include "EachVariant.h"

bool vectors_are_optimized(void) {
#ifdef __OPTIMIZE__
  return true;
#else
  return false;
#endif
}

void vectors_tiles_of_weights(
    const float *weights, ptrdiff_t inputs, ptrdiff_t outputs, ptrdiff_t first, ptrdiff_t last,
    float *result) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDEST_VECTORS) {
    return tiles_of_weights_widest(weights, inputs, outputs, first, last, result);
  }
  if (HAS_WIDE_VECTORS) {
    return tiles_of_weights_wide(weights, inputs, outputs, first, last, result);
  }
#endif
  tiles_of_weights_baseline(weights, inputs, outputs, first, last, result);
}

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

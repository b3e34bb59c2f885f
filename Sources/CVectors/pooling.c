#include "CVectors.h"

#include <math.h>

#include "Variants.h"

#define WANTS_WIDEST
#define VARIANT_BODY "PoolingBody.h"
#include "EachVariant.h"

void vectors_pool(
    const vectors_pooled_cells *cells, const float *corner, ptrdiff_t channels, float *result) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDEST_VECTORS) return pool_widest(cells, corner, channels, result);
  if (HAS_WIDE_VECTORS) return pool_wide(cells, corner, channels, result);
#endif
  pool_baseline(cells, corner, channels, result);
}

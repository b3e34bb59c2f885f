#include "CVectors.h"

#include <math.h>
#include <string.h>

#include "Variants.h"

/// Up to a multiple of a vector's length.
static ptrdiff_t padded(ptrdiff_t count) { return (count + 7) & ~(ptrdiff_t)7; }

/// Rows of a register tile, whose softmax is worked out at a time.
#define TILE_ROWS SOFTMAX_ROWS

ptrdiff_t vectors_attend_scratch(const vectors_head *head) {
  ptrdiff_t keys = padded(head->keys), width = padded(head->width);
  return head->depth * keys + head->keys * width + TILE_ROWS * (keys + width);
}

#define VARIANT_BODY "AttentionBody.h"
#include "EachVariant.h"

void vectors_attend(const vectors_head *head, float *scratch) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDE_VECTORS) {
    attend_wide(head, scratch);
    return;
  }
#endif
  attend_baseline(head, scratch);
}

void vectors_attend_baseline(const vectors_head *head, float *scratch) {
  attend_baseline(head, scratch);
}

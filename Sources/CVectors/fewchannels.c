#include "CVectors.h"

#include "Variants.h"

// A convolution of few channels as the sum that it is. The taps of a window's row lie side by side in a
// channels-last image, so that a row of a window is one run of `width·channels` floats; each of them
// meets a vector of weights, one lane for each channel of the result.

#define WANTS_WIDEST
#define VARIANT_BODY "FewChannelsBody.h"
#include "EachVariant.h"

void vectors_convolve_few_channels(
    const vectors_windows *windows, const float *image, const float *weights, const float *bias,
    bool rectifies, ptrdiff_t first, ptrdiff_t count, float *result) {
#if HAS_WIDE_VARIANT
  if (HAS_WIDEST_VECTORS) {
    return convolve_few_widest(windows, image, weights, bias, rectifies, first, count, result);
  }
  if (HAS_WIDE_VECTORS) {
    return convolve_few_wide(windows, image, weights, bias, rectifies, first, count, result);
  }
#endif
  convolve_few_baseline(windows, image, weights, bias, rectifies, first, count, result);
}

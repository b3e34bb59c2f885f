// Compiles VARIANT_BODY once for each kind of processor: with names that end in _baseline, and, where
// there is a wider one, in _wide.

#define VARIANT(name) name##_baseline
#include VARIANT_BODY
#undef VARIANT

#if HAS_WIDE_VARIANT
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT(name) name##_wide
#include VARIANT_BODY
#undef VARIANT
#pragma clang attribute pop
#endif

#undef VARIANT_BODY

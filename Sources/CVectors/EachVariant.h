// Compiles VARIANT_BODY once for each kind of processor: with names that end in _baseline, and, where
// there is a wider one, in _wide; where WANTS_WIDEST is set, in _widest, too. LANES are the floats that a
// vector should hold.

#define VARIANT(name) name##_baseline
#define LANES 8
#include VARIANT_BODY
#undef VARIANT

#if HAS_WIDE_VARIANT
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT(name) name##_wide
#include VARIANT_BODY
#undef VARIANT
#pragma clang attribute pop
#endif
#undef LANES

#if HAS_WIDE_VARIANT && defined(WANTS_WIDEST)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,fma"))), apply_to = function)
#define VARIANT(name) name##_widest
#define LANES 16
#include VARIANT_BODY
#undef VARIANT
#undef LANES
#pragma clang attribute pop
#endif

#undef VARIANT_BODY

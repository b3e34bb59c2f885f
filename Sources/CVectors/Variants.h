// How a loop is compiled for several processors: its body stands in a file of its own, which
// EachVariant.h includes once for each, with VARIANT(name) set to a name of its own.

#pragma once

#if defined(__x86_64__)
#define HAS_WIDE_VARIANT 1
#define HAS_WIDE_VECTORS (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define HAS_WIDEST_VECTORS \
  (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && HAS_WIDE_VECTORS)
#else
#define HAS_WIDE_VARIANT 0
#endif

// Vectors are handed over in memory: a vector argument would be passed otherwise in each variant.
typedef float f8 __attribute__((vector_size(32)));
typedef int i8 __attribute__((vector_size(32)));
typedef unsigned u8 __attribute__((vector_size(32)));
/// Eight floats at any address.
typedef float f8_anywhere __attribute__((vector_size(32), aligned(4)));

typedef float f4 __attribute__((vector_size(16)));
typedef double d4 __attribute__((vector_size(32)));

/// `a` where the mask is all ones, `b` where it is zero.
#define PICK(mask, a, b) ((f8)(((mask) & (i8)(a)) | (~(mask) & (i8)(b))))

/// Rows whose softmax is worked out at a time.
#define SOFTMAX_ROWS 4

// The bodies of vectors_widen_float16 and vectors_widen_bfloat16, included once for each kind of
// processor.

static void VARIANT(widen_float16)(
    const uint16_t *restrict from, float *restrict to, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    uint32_t magnitude = from[i] & 0x7fffu;
    uint32_t sign = (uint32_t)(from[i] & 0x8000u) << 16;
    // The exponent's bias is 112 larger; infinities and NaN have the largest exponent in both.
    uint32_t bits = (magnitude << 13) + 0x38000000u;
    uint32_t special = bits + 0x38000000u;
    // Below 2^-14 the fraction has no leading one: with one it is 2^-14 too large. No operand of the
    // subtraction is subnormal, which would take a hundred times as long.
    uint32_t raised = bits + 0x00800000u;
    float small;
    memcpy(&small, &raised, 4);
    small -= 0x1p-14f;
    uint32_t subnormal;
    memcpy(&subnormal, &small, 4);
    bits = magnitude >= 0x7c00u ? special : bits;
    bits = magnitude < 0x0400u ? subnormal : bits;
    bits |= sign;
    memcpy(to + i, &bits, 4);
  }
}

static void VARIANT(widen_bfloat16)(
    const uint16_t *restrict from, float *restrict to, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)from[i] << 16;
    memcpy(to + i, &bits, 4);
  }
}

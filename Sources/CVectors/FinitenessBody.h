// The body of vectors_are_finite, included once for each kind of processor.

static bool VARIANT(are_finite)(const void *values, ptrdiff_t count) {
  const f8_anywhere *from = values;
  // x·0 is ±0 for every finite x and NaN for the others.
  f8 sums[4] = {};
  ptrdiff_t i = 0;
  for (; i + 4 <= count / 8; i += 4) {
    for (int part = 0; part < 4; part++) sums[part] += from[i + part] * 0;
  }
  for (; i < count / 8; i++) sums[0] += from[i] * 0;
  f8 sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float rest = 0;
  for (ptrdiff_t k = i * 8; k < count; k++) {
    float value;
    memcpy(&value, (const char *)values + k * 4, 4);
    rest += value * 0;
  }
  for (int lane = 0; lane < 8; lane++) rest += sum[lane];
  return rest == 0;
}

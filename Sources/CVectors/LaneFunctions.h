// Functions of eight values at a time, included once for each kind of processor, within what uses them.

/// eˣ in place, within 1.4 units of 2⁻²⁴ of the result; 0 below −104. LaneMath's polynomial.
static inline __attribute__((always_inline)) void VARIANT(exponential)(f8 *value) {
  f8 x = *value;
  // What is 0 in the end is worked out as e⁰: a result below the smallest normal number costs a hundred
  // cycles, and masks and padding are full of them.
  i8 is_zero = x < -104;
  x = PICK(is_zero, (f8){}, x);
  x = PICK(x > 89, (f8){} + 89, x);
  // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
  f8 shifted = x * 1.44269504f + 12582912;
  f8 n = shifted - 12582912;
  f8 r = (x - n * 0.693359375f) - n * -2.1219444e-4f;
  f8 p = r * 0.0013814564f + 0.0083687315f;
  p = p * r + 0.041668389f;
  p = p * r + 0.16666521f;
  p = p * r + 0.49999994f;
  f8 power = (p * (r * r) + r) + 1;
  // 2ⁿ in two factors, so that subnormal results round once.
  i8 exponent = (i8)shifted - 0x4b400000;
  i8 half = exponent >> 1;
  power = power * (f8)((half + 127) << 23) * (f8)((exponent - half + 127) << 23);
  *value = PICK(is_zero, (f8){}, power);
}

/// The larger of both, lane by lane; NaN stays, and comes in.
static inline __attribute__((always_inline)) void VARIANT(keep_larger)(f8 *value, const f8 *other) {
  *value = PICK((*other > *value) | (*other != *other), *other, *value);
}

/// The largest lane.
static inline __attribute__((always_inline)) float VARIANT(largest)(const f8 *of) {
  f8 lanes = *of;
  f8 other = __builtin_shufflevector(lanes, lanes, 4, 5, 6, 7, 0, 1, 2, 3);
  VARIANT(keep_larger)(&lanes, &other);
  other = __builtin_shufflevector(lanes, lanes, 2, 3, 0, 1, 6, 7, 4, 5);
  VARIANT(keep_larger)(&lanes, &other);
  other = __builtin_shufflevector(lanes, lanes, 1, 0, 3, 2, 5, 4, 7, 6);
  VARIANT(keep_larger)(&lanes, &other);
  return lanes[0];
}

/// The sum of all lanes, by halves.
static inline __attribute__((always_inline)) float VARIANT(total)(const f8 *of) {
  f8 lanes = *of;
  lanes += __builtin_shufflevector(lanes, lanes, 4, 5, 6, 7, 0, 1, 2, 3);
  lanes += __builtin_shufflevector(lanes, lanes, 1, 0, 3, 2, 5, 4, 7, 6);
  return lanes[0] + lanes[2];
}

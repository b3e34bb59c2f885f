#ifndef CIMAGES_H
#define CIMAGES_H

#include <stddef.h>
#include <stdint.h>

/// What libpng found, or why it could not: it ends with a long jump, which Swift cannot receive.
struct png_picture {
  uint32_t width;
  uint32_t height;
  /// Whether samples are grey and have 16 bits.
  int32_t is_deep_grey;
  /// One line, terminated; empty when all went well.
  char message[200];
};

/// Reads the header of a PNG file. Returns 0, or -1 with a message.
int png_read_size(const uint8_t *bytes, size_t count, struct png_picture *picture);

/// Decodes a PNG file to rows of red, green and blue, 8 bits each, into `3 · width · height` bytes:
/// palettes and grey are widened, the upper byte of 16 bits is taken, alpha is left out.
/// Returns 0, or -1 with a message.
int png_read_rgb(
    const uint8_t *bytes, size_t count, struct png_picture *picture, uint8_t *pixels,
    size_t pixels_count);

#endif

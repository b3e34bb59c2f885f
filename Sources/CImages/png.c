#include "CImages.h"

#if defined(__linux__)

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// A file in memory, and how far it was read.
struct source {
  const uint8_t *bytes;
  size_t count;
  size_t position;
};

static void read_bytes(png_structp png, png_bytep target, size_t count) {
  struct source *source = png_get_io_ptr(png);
  if (count > source->count - source->position) png_error(png, "the file ends within the image");
  memcpy(target, source->bytes + source->position, count);
  source->position += count;
}

static void fail(png_structp png, png_const_charp message) {
  struct png_picture *picture = png_get_error_ptr(png);
  snprintf(picture->message, sizeof picture->message, "%s", message);
  longjmp(png_jmpbuf(png), 1);
}

static void ignore(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

/// The two objects of a decoder.
struct decoder {
  png_structp png;
  png_infop info;
};

static int begin(struct decoder *decoder, struct png_picture *picture, struct source *source) {
  picture->message[0] = 0;
  decoder->info = NULL;
  decoder->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, picture, fail, ignore);
  if (decoder->png) decoder->info = png_create_info_struct(decoder->png);
  if (!decoder->info) {
    png_destroy_read_struct(&decoder->png, NULL, NULL);
    snprintf(picture->message, sizeof picture->message, "no memory");
    return -1;
  }
  png_set_read_fn(decoder->png, source, read_bytes);
  // Texts and profiles are not wanted, and may inflate to anything.
  png_set_chunk_malloc_max(decoder->png, 1 << 20);
  png_set_keep_unknown_chunks(decoder->png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
  return 0;
}

int png_read_size(const uint8_t *bytes, size_t count, struct png_picture *picture) {
  struct source source = {bytes, count, 0};
  struct decoder decoder;
  if (begin(&decoder, picture, &source)) return -1;
  if (setjmp(png_jmpbuf(decoder.png))) {
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    return -1;
  }
  png_read_info(decoder.png, decoder.info);
  picture->width = png_get_image_width(decoder.png, decoder.info);
  picture->height = png_get_image_height(decoder.png, decoder.info);
  picture->is_deep_grey = png_get_bit_depth(decoder.png, decoder.info) == 16 &&
      png_get_color_type(decoder.png, decoder.info) == PNG_COLOR_TYPE_GRAY;
  png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
  return 0;
}

int png_read_rgb(
    const uint8_t *bytes, size_t count, struct png_picture *picture, uint8_t *pixels,
    size_t pixels_count) {
  struct source source = {bytes, count, 0};
  struct decoder decoder;
  if (begin(&decoder, picture, &source)) return -1;
  if (setjmp(png_jmpbuf(decoder.png))) {
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    return -1;
  }
  png_structp png = decoder.png;
  png_infop info = decoder.info;
  png_read_info(png, info);
  png_set_expand_gray_1_2_4_to_8(png);
  png_set_palette_to_rgb(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t row = png_get_rowbytes(png, info);
  uint32_t height = png_get_image_height(png, info);
  if (row != (size_t)3 * picture->width || height != picture->height ||
      row * height != pixels_count) {
    png_error(png, "its rows are not what its header says");
  }
  for (int pass = 0; pass < passes; pass++) {
    for (uint32_t line = 0; line < height; line++) {
      png_read_row(png, pixels + line * row, NULL);
    }
  }
  png_read_end(png, NULL);
  png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
  return 0;
}

#endif

#ifndef WEIGHBRIDGE_CONEDNN_H
#define WEIGHBRIDGE_CONEDNN_H

#if !__has_include(<oneapi/dnnl/dnnl.h>)
#error "oneDNN is not found. Install it: libdnnl-dev (Debian, Ubuntu), onednn (Homebrew); one that lies elsewhere takes -Xcc -I<its include> -Xlinker -L<its lib>. Or build without it, slower: --disable-default-traits"
#else

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>
#include <oneapi/dnnl/dnnl_version.h>
#include <stdlib.h>

// What differs between oneDNN 2.x and 3.x, under one form: how memory is described, and how
// operations are planned. 2.x describes memory by a value and plans in two steps, 3.x describes it by
// a handle and plans in one.

#if DNNL_VERSION_MAJOR < 2 || (DNNL_VERSION_MAJOR == 2 && DNNL_VERSION_MINOR < 6)
#error "oneDNN 2.6 or later is needed. Or build without it, slower: --disable-default-traits"
#endif

/// How one argument lies in memory.
typedef struct onednn_description *onednn_description_t;

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t onednn_native_t;
#define ONEDNN_NATIVE(description) ((dnnl_memory_desc_t)(description))
#else
typedef dnnl_memory_desc_t *onednn_native_t;
#define ONEDNN_NATIVE(description) ((dnnl_memory_desc_t *)(description))
#endif

// ---- Descriptions

static inline void onednn_description_destroy(onednn_description_t description) {
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy(ONEDNN_NATIVE(description));
#else
  free(description);
#endif
}

#if DNNL_VERSION_MAJOR < 3
/// Moves a description to memory of its own if it was made.
static inline dnnl_status_t onednn_kept(
    onednn_description_t *description, const dnnl_memory_desc_t *made, dnnl_status_t status) {
  if (status != dnnl_success) return status;
  dnnl_memory_desc_t *copy = (dnnl_memory_desc_t *)malloc(sizeof *copy);
  if (!copy) return dnnl_out_of_memory;
  *copy = *made;
  *description = (onednn_description_t)copy;
  return dnnl_success;
}
#endif

/// float32 elements at these strides.
static inline dnnl_status_t onednn_describe_strides(
    onednn_description_t *description, int axes, const int64_t *shape, const int64_t *strides) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_strides(
      (onednn_native_t *)description, axes, shape, dnnl_f32, strides);
#else
  dnnl_memory_desc_t made;
  dnnl_status_t status = dnnl_memory_desc_init_by_strides(&made, axes, shape, dnnl_f32, strides);
  return onednn_kept(description, &made, status);
#endif
}

/// float32 elements in a named order.
static inline dnnl_status_t onednn_describe_tag(
    onednn_description_t *description, int axes, const int64_t *shape, dnnl_format_tag_t tag) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_tag(
      (onednn_native_t *)description, axes, shape, dnnl_f32, tag);
#else
  dnnl_memory_desc_t made;
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(&made, axes, shape, dnnl_f32, tag);
  return onednn_kept(description, &made, status);
#endif
}

/// What a planned primitive wants for an argument; NULL when it takes none or memory is out.
static inline onednn_description_t onednn_describe_wanted(
    const_dnnl_primitive_desc_t plan, dnnl_query_t what, int index) {
  onednn_description_t description = NULL;
#if DNNL_VERSION_MAJOR >= 3
  const_dnnl_memory_desc_t wanted = dnnl_primitive_desc_query_md(plan, what, index);
  if (!wanted || dnnl_memory_desc_get_size(wanted) == 0) return NULL;
  dnnl_memory_desc_clone((onednn_native_t *)&description, wanted);
#else
  const dnnl_memory_desc_t *wanted = dnnl_primitive_desc_query_md(plan, what, index);
  if (!wanted || dnnl_memory_desc_get_size(wanted) == 0) return NULL;
  onednn_kept(&description, wanted, dnnl_success);
#endif
  return description;
}

/// The bytes that the elements take, padding of blocked orders included.
static inline size_t onednn_description_size(onednn_description_t description) {
  return dnnl_memory_desc_get_size(ONEDNN_NATIVE(description));
}

static inline int onednn_description_equal(onednn_description_t a, onednn_description_t b) {
  return dnnl_memory_desc_equal(ONEDNN_NATIVE(a), ONEDNN_NATIVE(b));
}

static inline dnnl_status_t onednn_make_memory(
    dnnl_memory_t *memory, onednn_description_t description, dnnl_engine_t engine, void *data) {
  return dnnl_memory_create(memory, ONEDNN_NATIVE(description), engine, data);
}

// ---- What a primitive does to its result

static inline dnnl_status_t onednn_append_addend(
    dnnl_post_ops_t operations, onednn_description_t addend) {
  return dnnl_post_ops_append_binary(operations, dnnl_binary_add, ONEDNN_NATIVE(addend));
}

static inline dnnl_status_t onednn_append_rectifier(dnnl_post_ops_t operations) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, 0, 0);
#else
  return dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0);
#endif
}

// ---- Plans. A bias may be NULL.

/// How the window of a convolution moves, on each axis of the image; dilation 0 is none.
typedef struct {
  int64_t stride[2], dilation[2], before[2], after[2];
} onednn_window_t;

static inline dnnl_status_t onednn_plan_convolution(
    dnnl_primitive_desc_t *plan, dnnl_engine_t engine, onednn_description_t source,
    onednn_description_t weights, onednn_description_t bias, onednn_description_t destination,
    const onednn_window_t *window, const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_convolution_forward_primitive_desc_create(
      plan, engine, dnnl_forward_inference, dnnl_convolution_direct, ONEDNN_NATIVE(source),
      ONEDNN_NATIVE(weights), ONEDNN_NATIVE(bias), ONEDNN_NATIVE(destination), window->stride,
      window->dilation, window->before, window->after, attributes);
#else
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
      &operation, dnnl_forward_inference, dnnl_convolution_direct, ONEDNN_NATIVE(source),
      ONEDNN_NATIVE(weights), ONEDNN_NATIVE(bias), ONEDNN_NATIVE(destination), window->stride,
      window->dilation, window->before, window->after);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(plan, &operation, attributes, engine, NULL);
#endif
}

static inline dnnl_status_t onednn_plan_inner_product(
    dnnl_primitive_desc_t *plan, dnnl_engine_t engine, onednn_description_t source,
    onednn_description_t weights, onednn_description_t bias, onednn_description_t destination,
    const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_inner_product_forward_primitive_desc_create(
      plan, engine, dnnl_forward_inference, ONEDNN_NATIVE(source), ONEDNN_NATIVE(weights),
      ONEDNN_NATIVE(bias), ONEDNN_NATIVE(destination), attributes);
#else
  dnnl_inner_product_desc_t operation;
  dnnl_status_t status = dnnl_inner_product_forward_desc_init(
      &operation, dnnl_forward_inference, ONEDNN_NATIVE(source), ONEDNN_NATIVE(weights),
      ONEDNN_NATIVE(bias), ONEDNN_NATIVE(destination));
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(plan, &operation, attributes, engine, NULL);
#endif
}

static inline dnnl_status_t onednn_plan_product(
    dnnl_primitive_desc_t *plan, dnnl_engine_t engine, onednn_description_t a,
    onednn_description_t b, onednn_description_t bias, onednn_description_t destination,
    const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_matmul_primitive_desc_create(
      plan, engine, ONEDNN_NATIVE(a), ONEDNN_NATIVE(b), ONEDNN_NATIVE(bias),
      ONEDNN_NATIVE(destination), attributes);
#else
  dnnl_matmul_desc_t operation;
  dnnl_status_t status = dnnl_matmul_desc_init(
      &operation, ONEDNN_NATIVE(a), ONEDNN_NATIVE(b), ONEDNN_NATIVE(bias),
      ONEDNN_NATIVE(destination));
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(plan, &operation, attributes, engine, NULL);
#endif
}

static inline dnnl_status_t onednn_plan_reorder(
    dnnl_primitive_desc_t *plan, dnnl_engine_t engine, onednn_description_t from,
    onednn_description_t to, const_dnnl_primitive_attr_t attributes) {
  return dnnl_reorder_primitive_desc_create(
      plan, ONEDNN_NATIVE(from), engine, ONEDNN_NATIVE(to), engine, attributes);
}

#endif
#endif

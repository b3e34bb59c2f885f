#ifndef WEIGHBRIDGE_CHDF5_H
#define WEIGHBRIDGE_CHDF5_H

#include <hdf5.h>
#include <stdint.h>
#include <string.h>

// HDF5's type and property-list constants are macros over mutable globals that are set by opening the
// library, and several of its functions are macros over versioned ones. Swift imports neither, so
// each has a function here.

static inline hid_t wb_h5_default(void) { return H5P_DEFAULT; }
static inline hid_t wb_h5_all(void) { return H5S_ALL; }
static inline hid_t wb_h5_plist_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t wb_h5_plist_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t wb_h5_plist_link_access(void) { return H5P_LINK_ACCESS; }
static inline hid_t wb_h5_plist_link_create(void) { return H5P_LINK_CREATE; }
static inline hid_t wb_h5_plist_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t wb_h5_plist_dataset_create(void) { return H5P_DATASET_CREATE; }

static inline hid_t wb_h5_c_string(void) { return H5T_C_S1; }
static inline hid_t wb_h5_f32le(void) { return H5T_IEEE_F32LE; }
static inline hid_t wb_h5_f64le(void) { return H5T_IEEE_F64LE; }
static inline hid_t wb_h5_i8le(void) { return H5T_STD_I8LE; }
static inline hid_t wb_h5_i16le(void) { return H5T_STD_I16LE; }
static inline hid_t wb_h5_i32le(void) { return H5T_STD_I32LE; }
static inline hid_t wb_h5_i64le(void) { return H5T_STD_I64LE; }
static inline hid_t wb_h5_u8le(void) { return H5T_STD_U8LE; }
static inline hid_t wb_h5_u16le(void) { return H5T_STD_U16LE; }
static inline hid_t wb_h5_u32le(void) { return H5T_STD_U32LE; }
static inline hid_t wb_h5_u64le(void) { return H5T_STD_U64LE; }
static inline hid_t wb_h5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t wb_h5_native_int64(void) { return H5T_NATIVE_INT64; }

static inline unsigned wb_h5_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned wb_h5_truncate(void) { return H5F_ACC_TRUNC; }
static inline haddr_t wb_h5_no_address(void) { return HADDR_UNDEF; }
static inline size_t wb_h5_variable(void) { return H5T_VARIABLE; }

/// An external link is never followed: this callback of the link access list makes it fail.
static inline herr_t wb_h5_refuse_external(
    const char *parent_file, const char *parent_group, const char *child_file,
    const char *child_object, unsigned *flags, hid_t access, void *data) {
  (void)parent_file; (void)parent_group; (void)child_file; (void)child_object;
  (void)flags; (void)access; (void)data;
  return -1;
}
static inline herr_t wb_h5_set_refuse_external(hid_t list) {
  return H5Pset_elink_cb(list, wb_h5_refuse_external, NULL);
}

/// Reading takes no lock on the file, so that one on a read-only or network disk opens too.
static inline herr_t wb_h5_set_no_locking(hid_t list) {
#if H5_VERSION_GE(1, 10, 7)
  return H5Pset_file_locking(list, 0, 1);
#else
  (void)list;
  return 0;
#endif
}

/// What a link is: 0 hard, 1 soft, 2 external, 3 anything else.
typedef void (*wb_h5_visit_link)(const char *name, int kind, void *context);
struct wb_h5_link_visitor {
  wb_h5_visit_link visit;
  void *context;
};
static inline herr_t wb_h5_link_callback(
    hid_t group, const char *name, const H5L_info_t *info, void *data) {
  (void)group;
  struct wb_h5_link_visitor *visitor = (struct wb_h5_link_visitor *)data;
  int kind = 3;
  if (info->type == H5L_TYPE_HARD) kind = 0;
  if (info->type == H5L_TYPE_SOFT) kind = 1;
  if (info->type == H5L_TYPE_EXTERNAL) kind = 2;
  visitor->visit(name, kind, visitor->context);
  return 0;
}
/// Visits a group's links, in the order of creation where the file keeps it, else by name.
static inline herr_t wb_h5_visit_links(hid_t group, wb_h5_visit_link visit, void *context) {
  struct wb_h5_link_visitor visitor = {visit, context};
  unsigned order = 0;
  hid_t list = H5Gget_create_plist(group);
  if (list >= 0) {
    if (H5Pget_link_creation_order(list, &order) < 0) order = 0;
    H5Pclose(list);
  }
  H5_index_t index = (order & H5P_CRT_ORDER_TRACKED) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  return H5Literate(group, index, H5_ITER_INC, NULL, wb_h5_link_callback, &visitor);
}

typedef void (*wb_h5_visit_attribute)(const char *name, void *context);
struct wb_h5_attribute_visitor {
  wb_h5_visit_attribute visit;
  void *context;
};
static inline herr_t wb_h5_attribute_callback(
    hid_t object, const char *name, const H5A_info_t *info, void *data) {
  (void)object; (void)info;
  struct wb_h5_attribute_visitor *visitor = (struct wb_h5_attribute_visitor *)data;
  visitor->visit(name, visitor->context);
  return 0;
}
static inline herr_t wb_h5_visit_attributes(
    hid_t object, wb_h5_visit_attribute visit, void *context) {
  struct wb_h5_attribute_visitor visitor = {visit, context};
  return H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, wb_h5_attribute_callback, &visitor);
}

/// A number that tells an object of an open file from all others; 0 when unknown.
static inline uint64_t wb_h5_object_key(hid_t object) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info;
  if (H5Oget_info3(object, &info, H5O_INFO_BASIC) < 0) return 0;
  uint64_t key = 0;
  memcpy(&key, &info.token, sizeof key);
  return key + 1;
#else
  H5O_info_t info;
  if (H5Oget_info(object, &info) < 0) return 0;
  return (uint64_t)info.addr + 1;
#endif
}

/// The innermost message of the error stack.
static inline herr_t wb_h5_error_callback(unsigned n, const H5E_error2_t *error, void *data) {
  if (n == 0 && error->desc != NULL) {
    strncpy((char *)data, error->desc, 1023);
    ((char *)data)[1023] = 0;
  }
  return 0;
}
static inline void wb_h5_error_text(char text[1024]) {
  text[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, wb_h5_error_callback, text);
  H5Eclear2(H5E_DEFAULT);
}
static inline void wb_h5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

/// The filter at a position of a dataset's pipeline: its number, or negative.
static inline int wb_h5_filter(hid_t list, unsigned index, char name[256]) {
  unsigned flags = 0, config = 0;
  size_t count = 0;
  name[0] = 0;
  return (int)H5Pget_filter2(list, index, &flags, &count, NULL, 256, name, &config);
}

#endif

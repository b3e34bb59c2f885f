#define _GNU_SOURCE
#include "CFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int wb_begin_writing(int descriptor, int64_t offset, int64_t count) {
#ifdef __linux__
  // Not every file system knows it.
  (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
  return 0;
#else
  (void)offset, (void)count;
  return fsync(descriptor) == 0 ? 0 : errno;
#endif
}

void wb_forget_cached(int descriptor) {
#ifdef POSIX_FADV_DONTNEED
  posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
#else
  (void)descriptor;
#endif
}

#ifndef WEIGHBRIDGE_CFILES_H
#define WEIGHBRIDGE_CFILES_H

#include <stdint.h>

// What the system does with files and Swift's imports of its headers leave out.

/// Has the disk begin with a part of a file. On Linux it is not waited for, and what fails shows in a later
/// `fsync`; elsewhere this is an `fsync`. 0, or the system's number of what failed.
int wb_begin_writing(int descriptor, int64_t offset, int64_t count);
/// Has the system forget what it holds of a file in memory, where it can be asked to.
void wb_forget_cached(int descriptor);

#endif

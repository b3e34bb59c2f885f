#ifndef WEIGHBRIDGE_CFAULTS_H
#define WEIGHBRIDGE_CFAULTS_H

#include <stddef.h>
#include <stdint.h>

// What a command must know when a signal ends it: which memory is a mapped file, and which files are
// temporary.
//
// Everything that a signal handler touches lives here, in plain C: it neither allocates nor locks nor
// calls Swift. Keeping the lists installs nothing; only `wb_faults_handle_signals` does, and only a
// command calls it.

/// An entry of one of the lists. Never freed, but used again.
typedef struct wb_fault_entry wb_fault_entry;

/// Notes that `length` bytes from `base` are a mapped file. `line` is what to print when they are gone.
/// The text is copied. NULL where there is no memory.
wb_fault_entry *wb_mapping_insert(const void *base, size_t length, const char *line);
void wb_mapping_remove(wb_fault_entry *entry);

/// Notes a temporary file. The path is copied. NULL where there is no memory.
wb_fault_entry *wb_temporary_insert(const char *path);
void wb_temporary_remove(wb_fault_entry *entry);
/// Between these a temporary file is made and noted. 0 where the process is ending: then none is made.
int wb_temporary_begin(void);
void wb_temporary_end(void);
/// Has no temporary file be made from now on, and waits for those that are being made.
void wb_temporary_forbid(void);
/// Removes every temporary file that is noted. May be called from a signal handler.
void wb_temporary_unlink_all(void);

/// Has SIGBUS in a mapped file print one line, remove temporary files and end the process with `status`.
/// All other crashes stay what they are.
void wb_faults_handle_signals(int status);

/// Whether a signal is ignored, as whoever started the process may have asked for.
int wb_signal_is_ignored(int number);

/// Ends the process by a signal, as it would have ended had nobody handled it.
_Noreturn void wb_end_by_signal(int number);

#endif

#ifndef WEIGHBRIDGE_TEAM_H
#define WEIGHBRIDGE_TEAM_H

#if defined(__linux__)

#include <stdbool.h>

// The process's compute threads: workers that wait for work spinning for microseconds, then asleep.
//
// A piece of work is a function that is called once for every index from 0 to size − 1. The calling
// thread always takes part; idle workers join it. Whoever is done takes an index that nobody has
// begun, so that a worker that the system does not let run holds nobody up before it has begun.

/// The most threads that a piece of work is divided between.
#define TEAM_LIMIT 1024

/// How many threads take part in a piece of work at most, the calling one included. At first:
/// OMP_NUM_THREADS, else the processors that the process may use, or those that its container's quota
/// of time amounts to where that is less.
unsigned team_threads(void);

/// How many processors the time amounts to that a file such as /sys/fs/cgroup/cpu.max grants, rounded
/// up; TEAM_LIMIT where it grants all or cannot be read.
unsigned team_quota(const char *path);

/// Sets how many threads take part from now on, from 1 to TEAM_LIMIT; others become the nearest.
void team_set_threads(unsigned count);

/// How many workers have been hired: fewer than the most threads that were ever wanted.
unsigned team_workers(void);

/// Calls `body` with `data` once for every index below `size` and returns when all calls have.
/// Within divided work it calls once, as work of size 1.
void team_run(void (*body)(void *), void *data, unsigned size);

/// The same in two calls, between which the calling thread does index 0 by itself.
void team_begin(void (*body)(void *), void *data, unsigned size);
void team_end(void);

/// The index that the calling thread works on; 0 outside of work.
unsigned team_index(void);

/// The size of the work that the calling thread is part of; 1 outside of work.
unsigned team_size(void);

/// Whether the calling thread is part of work.
bool team_is_working(void);

/// Whether the calling thread is part of divided work.
bool team_is_divided(void);

/// Has `set_threads`, OpenMP's omp_set_num_threads or NULL, called with 1 while a thread takes part in
/// divided work, and with `team_threads()` afterwards.
void team_limit_openmp(void (*set_threads)(int count));

/// Returns when every index of the work that the calling thread is part of has come here; at once
/// outside of work.
void team_barrier(void);

/// Lets oneDNN's library run its parallel regions on these threads, once for the process and before
/// its first region. `false` when the library is not loaded or not built on libgomp: then it
/// goes on with threads of its own.
bool team_serve_onednn(void);

#endif

#endif

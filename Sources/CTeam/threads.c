#define _GNU_SOURCE

// How many threads take part in work.

#if defined(__linux__)

#include "team.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_uint threads;

static unsigned bounded(unsigned long count) {
  return count < 1 ? 1 : count > TEAM_LIMIT ? TEAM_LIMIT : (unsigned)count;
}

/// The processors that this process may run on.
static unsigned processors(void) {
  cpu_set_t *set = CPU_ALLOC(8192);
  if (!set) return 1;
  size_t size = CPU_ALLOC_SIZE(8192);
  int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 1;
  CPU_FREE(set);
  return bounded(count < 1 ? 1 : (unsigned long)count);
}

unsigned team_quota(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) return TEAM_LIMIT;
  unsigned long quota = 0, period = 0;
  int read = fscanf(file, "%lu %lu", &quota, &period);
  fclose(file);
  if (read != 2 || quota == 0 || period == 0) return TEAM_LIMIT;
  return bounded(quota / period + (quota % period != 0));
}

unsigned team_threads(void) {
  unsigned known = atomic_load_explicit(&threads, memory_order_relaxed);
  if (known) return known;
  const char *wish = getenv("OMP_NUM_THREADS");
  char *end = NULL;
  unsigned long count = wish ? strtoul(wish, &end, 10) : 0;
  unsigned chosen = bounded(count);
  if (!wish || end == wish || count == 0) {
    unsigned quota = team_quota("/sys/fs/cgroup/cpu.max");
    chosen = processors();
    if (quota < chosen) chosen = quota;
  }
  unsigned none = 0;
  return atomic_compare_exchange_strong(&threads, &none, chosen) ? chosen : none;
}

void team_set_threads(unsigned count) { atomic_store(&threads, bounded(count)); }

#endif

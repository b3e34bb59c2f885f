#define _GNU_SOURCE

#if defined(__linux__)

#include "team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// ---- Waiting

/// How long a thread spins before it sleeps. Longer than what passes between two layers, and far
/// shorter than the time slices of the system.
static const int64_t spin = 50000;  // ns
/// The same when the processors have other work, too.
static const int64_t spin_when_crowded = 2000;  // ns
/// A spinning thread that loses so much time was put aside for another program's.
static const int64_t put_aside = 250000;  // ns
/// How long the processors then count as crowded.
static const int64_t crowded_for = 50000000;  // ns

/// Until when the processors count as crowded.
static _Atomic int64_t crowded_until;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

/// A wait's progress: how often it has spun, and when the clock was first and last looked at.
struct patience {
  unsigned rounds;
  int64_t began;
  int64_t seen;
};

/// Spins for an instant; `false` when it is time to sleep.
static bool spun(struct patience *patience) {
  relax();
  if (++patience->rounds % 16 != 0) return true;
  int64_t time = now();
  if (patience->began == 0) patience->began = patience->seen = time;
  if (time - patience->seen > put_aside) {
    atomic_store_explicit(&crowded_until, time + crowded_for, memory_order_relaxed);
  }
  patience->seen = time;
  bool crowded = time < atomic_load_explicit(&crowded_until, memory_order_relaxed);
  return time - patience->began < (crowded ? spin_when_crowded : spin);
}

/// Sleeps while a word has a value, or wakes for no reason.
static void sleep_while(atomic_uint *word, unsigned value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(atomic_uint *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

// ---- Work

/// Set in `working` while the thread that wants the work done is asleep.
static const unsigned asleep_bit = 1u << 31;

struct work {
  void (*body)(void *);
  void *data;
  unsigned size;
  /// Workers that were given the work and have not handed it back.
  atomic_uint working;
  /// One bit for each index that somebody has begun.
  _Atomic uint64_t begun[TEAM_LIMIT / 64];
  /// The barrier: how many have come, and how often all had.
  atomic_uint arrived;
  atomic_uint passed;
  /// Whether every index has been given a thread of its own.
  atomic_flag is_attended;
};

/// The work that this thread is part of, and its index.
static _Thread_local struct work *current;
static _Thread_local unsigned current_index;
/// Whether that work, or work around it, is divided.
static _Thread_local bool is_divided;

/// An index that nobody has begun, the preferred one first; `size` when there is none.
static unsigned begin_index(struct work *work, unsigned preferred) {
  for (unsigned step = 0; step < work->size; step++) {
    unsigned index = (preferred + step) % work->size;
    _Atomic uint64_t *word = &work->begun[index / 64];
    uint64_t bit = (uint64_t)1 << index % 64;
    if (!(atomic_load_explicit(word, memory_order_relaxed) & bit) &&
        !(atomic_fetch_or(word, bit) & bit)) {
      return index;
    }
  }
  return work->size;
}

/// OpenMP's function, where threads of OpenMP's are used beside these.
static void (*_Atomic set_openmp_threads)(int count);

void team_limit_openmp(void (*set_threads)(int count)) {
  atomic_store(&set_openmp_threads, set_threads);
}

static void limit_openmp(unsigned count) {
  void (*set)(int) = atomic_load_explicit(&set_openmp_threads, memory_order_relaxed);
  if (set) set((int)count);
}

static void take_part(struct work *work, unsigned preferred) {
  struct work *outer = current;
  unsigned outer_index = current_index;
  current = work;
  is_divided = true;
  limit_openmp(1);
  unsigned index;
  while ((index = begin_index(work, preferred)) < work->size) {
    current_index = index;
    work->body(work->data);
  }
  limit_openmp(team_threads());
  is_divided = false;
  current = outer;
  current_index = outer_index;
}

/// Does work as a whole, as OpenMP does a region within a region.
static void do_alone(struct work *work) {
  struct work *outer = current;
  unsigned outer_index = current_index;
  work->size = 1;
  current = work;
  current_index = 0;
  work->body(work->data);
  current = outer;
  current_index = outer_index;
}

/// Hands the work back. The work may be gone as soon as the count has gone down.
static void hand_back(struct work *work) {
  atomic_uint *working = &work->working;
  if (atomic_fetch_sub(working, 1) == (asleep_bit | 1)) wake(working, 1);
}

static void wait_for_workers(struct work *work) {
  struct patience patience = {0};
  while (atomic_load(&work->working) != 0) {
    if (spun(&patience)) continue;
    unsigned value = atomic_fetch_or(&work->working, asleep_bit) | asleep_bit;
    if (value != asleep_bit) sleep_while(&work->working, value);
    if ((atomic_load(&work->working) & ~asleep_bit) == 0) return;
  }
}

// ---- Workers

struct worker {
  /// What it shall work on; NULL when it is idle, `&occupied` when it has begun.
  _Alignas(128) _Atomic(struct work *) order;
  atomic_uint is_asleep;
  unsigned index;
};

static struct work occupied;
static struct worker workers[TEAM_LIMIT - 1];
static atomic_uint hired;
static pthread_mutex_t hiring = PTHREAD_MUTEX_INITIALIZER;

static struct work *wait_for_order(struct worker *worker) {
  struct patience patience = {0};
  for (;;) {
    struct work *work = atomic_load(&worker->order);
    if (work) {
      // Whoever gave the order may take it back until it has begun.
      if (atomic_compare_exchange_strong(&worker->order, &work, &occupied)) return work;
      continue;
    }
    if (spun(&patience)) continue;
    atomic_store(&worker->is_asleep, 1);
    while (!atomic_load(&worker->order) && atomic_load(&worker->is_asleep)) {
      sleep_while(&worker->is_asleep, 1);
    }
    atomic_store(&worker->is_asleep, 0);
    patience = (struct patience){0};
  }
}

static void *serve(void *argument) {
  struct worker *worker = argument;
  for (;;) {
    struct work *work = wait_for_order(worker);
    take_part(work, worker->index + 1);
    hand_back(work);
    atomic_store(&worker->order, NULL);
  }
  return NULL;
}

/// A thread that nobody waits for.
static bool start(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) return false;
  pthread_detach(thread);
  return true;
}

/// How many of `wanted` workers there are.
static unsigned hire(unsigned wanted) {
  unsigned count = atomic_load_explicit(&hired, memory_order_acquire);
  if (count >= wanted) return wanted;
  pthread_mutex_lock(&hiring);
  for (count = atomic_load(&hired); count < wanted; count++) {
    workers[count].index = count;
    if (!start(serve, &workers[count])) break;
    atomic_store(&hired, count + 1);
  }
  pthread_mutex_unlock(&hiring);
  return count < wanted ? count : wanted;
}

unsigned team_workers(void) { return atomic_load(&hired); }

/// Gives the work to idle workers, enough for each index but one.
static unsigned give_out(struct work *work) {
  unsigned threads = team_threads();
  unsigned wanted = (work->size < threads ? work->size : threads) - 1;
  unsigned last = hire(wanted);
  for (unsigned i = 0; i < last; i++) {
    struct worker *worker = &workers[i];
    if (atomic_load_explicit(&worker->order, memory_order_relaxed)) continue;
    atomic_fetch_add(&work->working, 1);
    struct work *none = NULL;
    if (!atomic_compare_exchange_strong(&worker->order, &none, work)) {
      atomic_fetch_sub(&work->working, 1);
      continue;
    }
    if (atomic_load(&worker->is_asleep) && atomic_exchange(&worker->is_asleep, 0)) {
      wake(&worker->is_asleep, 1);
    }
  }
  return last;
}

/// Takes the work back from the first `count` workers where they have not begun.
static void take_back(struct work *work, unsigned count) {
  for (unsigned i = 0; i < count && atomic_load(&work->working) != 0; i++) {
    struct work *given = work;
    if (atomic_load_explicit(&workers[i].order, memory_order_relaxed) == work &&
        atomic_compare_exchange_strong(&workers[i].order, &given, NULL)) {
      atomic_fetch_sub(&work->working, 1);
    }
  }
}

void team_run(void (*body)(void *), void *data, unsigned size) {
  if (size > TEAM_LIMIT) size = TEAM_LIMIT;
  struct work work = {.body = body, .data = data, .size = size};
  if (size <= 1 || is_divided) return do_alone(&work);
  unsigned given = give_out(&work);
  take_part(&work, 0);
  take_back(&work, given);
  wait_for_workers(&work);
}

// ---- Work whose first index the calling thread does by itself, between two calls

/// Such work, and what the calling thread did before.
struct opened {
  struct work work;
  struct work *outer;
  unsigned outer_index;
  unsigned given;
};

void team_begin(void (*body)(void *), void *data, unsigned size) {
  struct opened *opened = calloc(1, sizeof *opened);
  if (!opened) abort();
  if (size > TEAM_LIMIT) size = TEAM_LIMIT;
  bool divides = size > 1 && !is_divided;
  opened->work.body = body;
  opened->work.data = data;
  opened->work.size = divides ? size : 1;
  opened->outer = current;
  opened->outer_index = current_index;
  atomic_store(&opened->work.begun[0], 1);
  if (divides) {
    opened->given = give_out(&opened->work);
    is_divided = true;
  }
  current = &opened->work;
  current_index = 0;
}

void team_end(void) {
  // The work is the first member.
  struct opened *opened = (struct opened *)current;
  if (!opened) return;
  struct work *work = &opened->work;
  current = opened->outer;
  current_index = opened->outer_index;
  if (work->size > 1) {
    is_divided = false;
    take_part(work, 1);
    take_back(work, opened->given);
    wait_for_workers(work);
  }
  free(opened);
}

unsigned team_index(void) { return current_index; }

unsigned team_size(void) { return current ? current->size : 1; }

bool team_is_working(void) { return current; }

bool team_is_divided(void) { return is_divided; }

// ---- Barriers

static void *attend(void *argument) {
  struct work *work = argument;
  take_part(work, 0);
  hand_back(work);
  return NULL;
}

/// Sees to it that indices that nobody has begun get a thread: those who wait for them in a barrier
/// cannot take them.
static void attend_all(struct work *work) {
  if (atomic_flag_test_and_set(&work->is_attended)) return;
  for (unsigned index = 0; index < work->size; index++) {
    uint64_t begun = atomic_load(&work->begun[index / 64]);
    if (begun >> index % 64 & 1) continue;
    atomic_fetch_add(&work->working, 1);
    if (!start(attend, work)) atomic_fetch_sub(&work->working, 1);
  }
}

void team_barrier(void) {
  struct work *work = current;
  if (!work || work->size <= 1) return;
  unsigned passed = atomic_load(&work->passed);
  if (atomic_fetch_add(&work->arrived, 1) + 1 == work->size) {
    atomic_store(&work->arrived, 0);
    atomic_fetch_add(&work->passed, 1);
    wake(&work->passed, INT32_MAX);
    return;
  }
  struct patience patience = {0};
  while (atomic_load(&work->passed) == passed) {
    if (spun(&patience)) continue;
    attend_all(work);
    if (atomic_load(&work->passed) == passed) sleep_while(&work->passed, passed);
  }
}

#endif

#include "CFaults.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wb_fault_entry {
  // 0 where the entry is free.
  _Atomic(uintptr_t) base;
  size_t length;
  _Atomic(char *) text;
  wb_fault_entry *next;
};

typedef struct {
  _Atomic(wb_fault_entry *) first;
  pthread_mutex_t lock;
} list_t;

static list_t mappings = {NULL, PTHREAD_MUTEX_INITIALIZER};
static list_t temporaries = {NULL, PTHREAD_MUTEX_INITIALIZER};

// Writers take the lock; a handler reads without it, and sees an entry whole or not at all: its base
// is written last and cleared first.
static wb_fault_entry *insert(list_t *list, uintptr_t base, size_t length, const char *text) {
  char *copy = strdup(text);
  if (!copy) return NULL;
  pthread_mutex_lock(&list->lock);
  wb_fault_entry *entry = atomic_load(&list->first);
  while (entry && atomic_load(&entry->base) != 0) entry = entry->next;
  if (!entry) {
    entry = calloc(1, sizeof *entry);
    if (!entry) {
      pthread_mutex_unlock(&list->lock);
      free(copy);
      return NULL;
    }
    entry->next = atomic_load(&list->first);
    atomic_store(&list->first, entry);
  }
  entry->length = length;
  atomic_store(&entry->text, copy);
  atomic_store(&entry->base, base);
  pthread_mutex_unlock(&list->lock);
  return entry;
}

static void forget(list_t *list, wb_fault_entry *entry) {
  if (!entry) return;
  pthread_mutex_lock(&list->lock);
  atomic_store(&entry->base, (uintptr_t)0);
  free(atomic_exchange(&entry->text, NULL));
  pthread_mutex_unlock(&list->lock);
}

wb_fault_entry *wb_mapping_insert(const void *base, size_t length, const char *line) {
  return insert(&mappings, (uintptr_t)base, length, line);
}

void wb_mapping_remove(wb_fault_entry *entry) { forget(&mappings, entry); }

wb_fault_entry *wb_temporary_insert(const char *path) { return insert(&temporaries, 1, 0, path); }

void wb_temporary_remove(wb_fault_entry *entry) { forget(&temporaries, entry); }

static _Atomic(int) being_made = 0;
static _Atomic(int) is_ending = 0;

int wb_temporary_begin(void) {
  atomic_fetch_add(&being_made, 1);
  if (!atomic_load(&is_ending)) return 1;
  atomic_fetch_sub(&being_made, 1);
  return 0;
}

void wb_temporary_end(void) { atomic_fetch_sub(&being_made, 1); }

void wb_temporary_forbid(void) {
  atomic_store(&is_ending, 1);
  // Making one is a matter of microseconds, unless the disk hangs: then it is not waited for.
  for (int count = 0; count < 2000 && atomic_load(&being_made) > 0; count++) usleep(1000);
}

void wb_temporary_unlink_all(void) {
  for (wb_fault_entry *entry = atomic_load(&temporaries.first); entry; entry = entry->next) {
    if (atomic_load(&entry->base) == 0) continue;
    char *path = atomic_load(&entry->text);
    if (path) unlink(path);
  }
}

static int exit_status = 3;
static int is_terminal = 0;

static void print(const char *text) {
  size_t rest = strlen(text);
  while (rest > 0) {
    ssize_t count = write(STDERR_FILENO, text, rest);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text += count;
    rest -= (size_t)count;
  }
}

static atomic_flag is_finishing = ATOMIC_FLAG_INIT;

static void finish(const char *line) {
  // Several threads read the same lost file: one speaks, the others wait for the end.
  if (atomic_flag_test_and_set(&is_finishing)) {
    for (;;) pause();
  }
  // A progress line may stand there.
  if (is_terminal) print("\r\x1b[K");
  print(line);
  print("\n");
  wb_temporary_unlink_all();
  _exit(exit_status);
}

static void handle(int number, siginfo_t *info, void *context) {
  (void)context;
  uintptr_t address = (uintptr_t)info->si_addr;
  for (wb_fault_entry *entry = atomic_load(&mappings.first); entry; entry = entry->next) {
    uintptr_t base = atomic_load(&entry->base);
    if (base == 0 || address < base || address - base >= entry->length) continue;
    char *line = atomic_load(&entry->text);
    if (line) finish(line);
  }
  // No crash of ours to explain: it happens again, without this handler.
  signal(number, SIG_DFL);
  raise(number);
}

void wb_faults_handle_signals(int status) {
  exit_status = status;
  is_terminal = isatty(STDERR_FILENO);
  // Stacks that are used up leave no room for a handler.
  static char stack[1 << 16];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 0};
  sigaltstack(&alternate, NULL);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, NULL);
}

int wb_signal_is_ignored(int number) {
  struct sigaction action;
  return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void wb_end_by_signal(int number) {
  signal(number, SIG_DFL);
  // Threads of a pool have signals blocked.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  raise(number);
  _exit(128 + number);
}

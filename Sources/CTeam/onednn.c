#define _GNU_SOURCE

// oneDNN divides its work with OpenMP's functions. Here the calls that leave its library are led to
// the team in place of libgomp, whose threads spin at their barriers: on a busy machine they take
// fifty times as long. The library's own table of the functions that it calls is changed, so that no
// other library's OpenMP notices.

#if defined(__linux__)

#include "team.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// ---- What is called instead

/// libgomp's functions, for regions that had begun before the calls were led here.
static struct {
  void (*barrier)(void);
  void (*parallel_end)(void);
  int (*get_num_threads)(void);
  int (*get_thread_num)(void);
  int (*in_parallel)(void);
} libgomp;

static void parallel(void (*body)(void *), void *data, unsigned size, unsigned flags) {
  (void)flags;
  team_run(body, data, size ? size : team_threads());
}

/// What compilers before GCC 4.9 call for a region: the caller does its part between the two.
static void parallel_start(void (*body)(void *), void *data, unsigned size) {
  team_begin(body, data, size ? size : team_threads());
}

static void parallel_end(void) {
  if (team_is_working()) return team_end();
  if (libgomp.parallel_end) libgomp.parallel_end();
}

/// The loop that this thread shares with its region: its first chunk, and the next.
static _Thread_local struct {
  long start, end, step, chunk, next;
} loop;

/// The next chunk of the loop for this thread; `false` when it has had all of its own.
static bool loop_next(long *first, long *last) {
  long size = (long)team_size(), index = (long)team_index();
  long count = loop.step > 0 ? (loop.end - loop.start + loop.step - 1) / loop.step
                             : (loop.start - loop.end - loop.step - 1) / -loop.step;
  long lower, upper;
  if (loop.chunk == 0) {
    // One part for each.
    if (loop.next > 0 || count <= 0) return false;
    long whole = count / size, rest = count % size;
    lower = index * whole + (index < rest ? index : rest);
    upper = lower + whole + (index < rest);
  } else {
    lower = (loop.next * size + index) * loop.chunk;
    upper = lower + loop.chunk;
  }
  if (upper > count) upper = count;
  if (lower >= upper) return false;
  loop.next++;
  *first = loop.start + lower * loop.step;
  *last = loop.start + upper * loop.step;
  return true;
}

static bool loop_start(long start, long end, long step, long chunk, long *first, long *last) {
  loop.start = start;
  loop.end = end;
  loop.step = step;
  loop.chunk = chunk;
  loop.next = 0;
  return loop_next(first, last);
}

static void loop_end(void) {}

static void barrier(void) {
  if (team_is_working()) return team_barrier();
  if (libgomp.barrier) libgomp.barrier();
}

static int get_max_threads(void) { return (int)team_threads(); }

static int get_num_threads(void) {
  if (team_is_working() || !libgomp.get_num_threads) return (int)team_size();
  return libgomp.get_num_threads();
}

static int get_thread_num(void) {
  if (team_is_working() || !libgomp.get_thread_num) return (int)team_index();
  return libgomp.get_thread_num();
}

static int in_parallel(void) {
  if (team_is_working() || !libgomp.in_parallel) return team_is_divided();
  return libgomp.in_parallel();
}

static const struct {
  const char *name;
  void *instead;
} calls[] = {
    {"GOMP_barrier", (void *)barrier},
    {"omp_get_max_threads", (void *)get_max_threads},
    {"omp_get_num_threads", (void *)get_num_threads},
    {"omp_get_thread_num", (void *)get_thread_num},
    {"omp_in_parallel", (void *)in_parallel},
    // One of these two forms of regions.
    {"GOMP_parallel", (void *)parallel},
    {"GOMP_parallel_start", (void *)parallel_start},
    {"GOMP_parallel_end", (void *)parallel_end},
    // Where a library has such loops.
    {"GOMP_loop_static_start", (void *)loop_start},
    {"GOMP_loop_static_next", (void *)loop_next},
    {"GOMP_loop_end_nowait", (void *)loop_end},
};

enum {
  call_count = sizeof calls / sizeof *calls,
  // The first five, and both forms of regions.
  always = 0x1f,
  whole_regions = 0x20,
  split_regions = 0xc0,
  other = 1u << call_count,
};

// ---- The library's table of what it calls

#if UINTPTR_MAX == UINT64_MAX
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#define TYPE_OF(info) ELF64_R_TYPE(info)
#else
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#define TYPE_OF(info) ELF32_R_TYPE(info)
#endif

/// The kinds of entries that hold a function's address.
static bool is_address(uint64_t type) {
#if defined(__x86_64__)
  return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
#elif defined(__aarch64__)
  return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
#else
  (void)type;
  return false;
#endif
}

struct library {
  /// An address in its code.
  uintptr_t known;
  uintptr_t base;
  const ElfW(Sym) *symbols;
  const char *names;
  /// Its entries for functions, and those for data and functions.
  struct {
    const ElfW(Rela) *first;
    size_t bytes;
  } tables[2];
  /// What became read-only when the library had been loaded.
  uintptr_t sealed_start, sealed_end;
};

static void read_dynamic(struct library *library, const ElfW(Dyn) *entry) {
  bool has_addends = true;
  for (; entry->d_tag != DT_NULL; entry++) {
    // Some loaders leave addresses as they are in the file.
    uintptr_t address = entry->d_un.d_ptr;
    if (address < library->base) address += library->base;
    switch (entry->d_tag) {
    case DT_SYMTAB: library->symbols = (const void *)address; break;
    case DT_STRTAB: library->names = (const void *)address; break;
    case DT_JMPREL: library->tables[0].first = (const void *)address; break;
    case DT_PLTRELSZ: library->tables[0].bytes = entry->d_un.d_val; break;
    case DT_RELA: library->tables[1].first = (const void *)address; break;
    case DT_RELASZ: library->tables[1].bytes = entry->d_un.d_val; break;
    case DT_PLTREL: has_addends = entry->d_un.d_val == DT_RELA; break;
    }
  }
  if (!has_addends) library->tables[0].bytes = 0;
}

/// Reads the library that holds `known`; 1 when this was it.
static int find_library(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct library *library = data;
  const ElfW(Phdr) *dynamic = NULL;
  bool is_it = false;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_DYNAMIC) dynamic = part;
    if (part->p_type == PT_LOAD && library->known - start < part->p_memsz) is_it = true;
    if (part->p_type == PT_GNU_RELRO) {
      library->sealed_start = start;
      library->sealed_end = start + part->p_memsz;
    }
  }
  bool is_program = !info->dlpi_name || !*info->dlpi_name;
  if (!is_it || !dynamic || is_program) {
    library->sealed_start = library->sealed_end = 0;
    return is_it;
  }
  library->base = info->dlpi_addr;
  read_dynamic(library, (const void *)(info->dlpi_addr + dynamic->p_vaddr));
  return 1;
}

/// Writes an address into the table; `false` where the system does not allow it.
static bool replace(const struct library *library, void **place, void *address) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t start = (uintptr_t)place & ~(page - 1);
  bool is_sealed =
      (uintptr_t)place >= library->sealed_start && (uintptr_t)place < library->sealed_end;
  if (is_sealed && mprotect((void *)start, page, PROT_READ | PROT_WRITE) != 0) return false;
  __atomic_store_n(place, address, __ATOMIC_SEQ_CST);
  if (is_sealed) mprotect((void *)start, page, PROT_READ);
  return true;
}

static bool is_openmp(const char *name) {
  return strncmp(name, "GOMP_", 5) == 0 || strncmp(name, "omp_", 4) == 0;
}

/// Looks at every entry for one of `calls`, and replaces it if wanted.
///
/// Returns one bit for each of `calls` that was found, and `other` where another function of OpenMP's
/// was.
static unsigned visit(const struct library *library, bool replaces) {
  unsigned seen = 0;
  for (int table = 0; table < 2; table++) {
    const ElfW(Rela) *first = library->tables[table].first;
    size_t count = first ? library->tables[table].bytes / sizeof *first : 0;
    for (size_t i = 0; i < count; i++) {
      if (!is_address(TYPE_OF(first[i].r_info))) continue;
      const ElfW(Sym) *symbol = &library->symbols[SYMBOL_OF(first[i].r_info)];
      if (symbol->st_shndx != SHN_UNDEF) continue;
      const char *name = library->names + symbol->st_name;
      if (!is_openmp(name)) continue;
      int call = 0;
      while (call < call_count && strcmp(name, calls[call].name) != 0) call++;
      if (call == call_count) return other;
      void **place = (void **)(library->base + first[i].r_offset);
      if (!replaces || replace(library, place, calls[call].instead)) seen |= 1u << call;
    }
  }
  return seen;
}

static bool lead_here(void) {
  struct library library = {.known = (uintptr_t)dlsym(RTLD_DEFAULT, "dnnl_primitive_execute")};
  if (!library.known) return false;
  dl_iterate_phdr(find_library, &library);
  if (!library.symbols || !library.names) return false;
  // A library that calls something else, too, or less, stays as it is.
  unsigned seen = visit(&library, false);
  bool has_regions = seen & whole_regions || (seen & split_regions) == split_regions;
  if (seen & other || (seen & always) != always || !has_regions) return false;
  libgomp.barrier = (void (*)(void))dlsym(RTLD_DEFAULT, "GOMP_barrier");
  libgomp.parallel_end = (void (*)(void))dlsym(RTLD_DEFAULT, "GOMP_parallel_end");
  libgomp.get_num_threads = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_num_threads");
  libgomp.get_thread_num = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_get_thread_num");
  libgomp.in_parallel = (int (*)(void))dlsym(RTLD_DEFAULT, "omp_in_parallel");
  return visit(&library, true) == seen;
}

static bool is_served;

static void serve_onednn(void) {
  is_served = lead_here();
  // A library with threads of its own shall not divide what is a part of divided work already.
  if (!is_served) team_limit_openmp((void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
}

bool team_serve_onednn(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, serve_onednn);
  return is_served;
}

#endif

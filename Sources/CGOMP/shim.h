#ifndef WEIGHBRIDGE_CGOMP_H
#define WEIGHBRIDGE_CGOMP_H

// libgomp's own entry points. Swift's kernels run on the very threads that oneDNN uses, so that the
// two never compete for cores while OpenMP's workers spin. Declared here because the header omp.h
// belongs to gcc's private include folder; the symbols are part of libgomp's stable ABI.
void GOMP_parallel(void (*function)(void *), void *data, unsigned num_threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_get_max_threads(void);
int omp_in_parallel(void);
void omp_set_num_threads(int num_threads);

#endif

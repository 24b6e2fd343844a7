/* Preloaded, it makes allocations of one thread fail when asked to: see memory_faults.py. */
#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static __thread long passing = 0;
static __thread long failing = 0;

/* Lets so many allocations of this thread pass, and then so many fail. */
void corsac_fail_allocations(long after, long count) {
  passing = after;
  failing = count;
}

void corsac_pass_allocations(void) { failing = 0; }

static int fails(void) {
  if (failing == 0) return 0;
  if (passing > 0) {
    --passing;
    return 0;
  }
  --failing;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }

void *realloc(void *memory, size_t size) { return fails() ? NULL : __libc_realloc(memory, size); }

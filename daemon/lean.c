#include "daemon/lean.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (64 << 10) /* fixed: by itself the C library would raise it */

void kpd_lean_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, LARGE);
}

/* What cannot be written holds nothing of our own: it comes from the file again. */
static int drop_constant(struct dl_phdr_info *object, size_t size, void *ctx)
{
    (void)size;
    uintptr_t page = *(const uintptr_t *)ctx;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + part->p_vaddr;
        uintptr_t end = begin + part->p_memsz;
        begin &= ~(page - 1);
        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
            (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void kpd_lean(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    malloc_trim(0);
    dl_iterate_phdr(drop_constant, &page);
}

/* What the operating system says, bent: a clock that is off, syncs that fail, a disk that is full.
 *
 * Preloaded into a server. FAULTS_CONTROL names a file of three 64-bit numbers, mapped here, so that whoever runs the
 * server can change them while it runs:
 *   [0] seconds by which CLOCK_REALTIME is off
 *   [1] not 0: fsync and fdatasync fail with EIO
 *   [2] not 0: whatever would make a file longer, or write to it, fails with ENOSPC; pipes, sockets and terminals do not
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t none[3];
static volatile int64_t *control = none;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) control = mapped;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int result = real(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += control[0];
    return result;
}

int fsync(int file) {
    REAL(fsync);
    if (control[1]) { errno = EIO; return -1; }
    return real(file);
}

int fdatasync(int file) {
    REAL(fdatasync);
    if (control[1]) { errno = EIO; return -1; }
    return real(file);
}

static int is_full(int file) {
    struct stat kind;
    if (!control[2] || fstat(file, &kind) != 0 || !S_ISREG(kind.st_mode)) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t length) {
    REAL(write);
    return is_full(file) ? -1 : real(file, bytes, length);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    REAL(pwrite);
    return is_full(file) ? -1 : real(file, bytes, length, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
    REAL(pwrite64);
    return is_full(file) ? -1 : real(file, bytes, length, at);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) {
    REAL(pwritev);
    return is_full(file) ? -1 : real(file, parts, count, at);
}

int ftruncate(int file, off_t length) {
    REAL(ftruncate);
    return is_full(file) ? -1 : real(file, length);
}

int ftruncate64(int file, off64_t length) {
    REAL(ftruncate64);
    return is_full(file) ? -1 : real(file, length);
}

int posix_fallocate(int file, off_t at, off_t length) {
    REAL(posix_fallocate);
    return is_full(file) ? ENOSPC : real(file, at, length);
}

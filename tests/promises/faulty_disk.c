/* A disk that records, fails or kills, laid under an unchanged program by LD_PRELOAD.
 *
 * Every operation that changes a file below DISK_ROOT is counted. It may be appended to a log (disk_record), fail with
 * an error number (disk_fail), or be the moment at which the process is killed (disk_kill). The program under test is
 * neither changed nor told. disk_clock shifts the wall clock.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static char root[PATH_MAX];
static int log_fd = -1;
static long counted, kill_at, fail_at, fail_for;
static int fail_errno;
static long shift;

void disk_root(const char *path) { snprintf(root, sizeof root, "%s", path); }
void disk_record(const char *path)
{
    log_fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}
void disk_kill(long at) { counted = 0; kill_at = at; }
void disk_fail(long at, long times, int error) { counted = 0; fail_at = at; fail_for = times; fail_errno = error; }
long disk_count(void) { return counted; }
void disk_clock(long seconds) { shift = seconds; }

static int below(const char *path) { return root[0] && strncmp(path, root, strlen(root)) == 0; }

static int named(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n < 0) return 0;
    path[n] = 0;
    char *gone = strstr(path, " (deleted)");
    if (gone) *gone = 0;
    return below(path);
}

static void record(char op, const char *path, int64_t offset, const void *data, int64_t size)
{
    if (log_fd < 0) return;
    char head[32 + PATH_MAX];
    uint32_t n = (uint32_t)strlen(path);
    int64_t kept = data ? size : 0;
    memcpy(head, &op, 1); memcpy(head + 1, &n, 4); memcpy(head + 5, &offset, 8); memcpy(head + 13, &kept, 8);
    memcpy(head + 21, path, n);
    syscall(SYS_write, log_fd, head, 21 + n);
    if (kept) syscall(SYS_write, log_fd, data, (size_t)kept);
}

/* Returns whether the operation has to fail. */
static int step(void)
{
    counted++;
    if (kill_at && counted == kill_at) syscall(SYS_kill, getpid(), SIGKILL);
    if (fail_at && counted >= fail_at && counted < fail_at + fail_for) { errno = fail_errno; return 1; }
    return 0;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int opening(const char *path, int flags, char *full)
{
    if (path[0] == '/') snprintf(full, PATH_MAX, "%s", path);
    else { char here[PATH_MAX / 2]; if (!getcwd(here, sizeof here)) return 0; snprintf(full, PATH_MAX, "%s/%s", here, path); }
    return (flags & O_CREAT) && below(full) && syscall(SYS_faccessat, AT_FDCWD, full, F_OK) != 0;
}

#define OPEN(symbol) \
    int symbol(const char *path, int flags, ...) \
    { \
        REAL(int, #symbol, const char *, int, ...); \
        va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list); \
        char full[PATH_MAX]; \
        int fresh = opening(path, flags, full); \
        if (fresh && step()) return -1; \
        int fd = real(path, flags, mode); \
        if (fd >= 0 && fresh) record('C', full, 0, 0, 0); \
        if (fd >= 0 && !fresh && (flags & O_TRUNC) && below(full)) record('T', full, 0, 0, 0); \
        return fd; \
    }
OPEN(open)
OPEN(open64)

#define PWRITE(symbol) \
    ssize_t symbol(int fd, const void *data, size_t size, off_t offset) \
    { \
        REAL(ssize_t, #symbol, int, const void *, size_t, off_t); \
        char path[PATH_MAX]; \
        if (!named(fd, path)) return real(fd, data, size, offset); \
        if (step()) return -1; \
        ssize_t n = real(fd, data, size, offset); \
        if (n > 0) record('W', path, offset, data, n); \
        return n; \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    char path[PATH_MAX];
    if (!named(fd, path)) return real(fd, data, size);
    if (step()) return -1;
    off_t offset = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    ssize_t n = real(fd, data, size);
    if (n > 0) record('W', path, offset, data, n);
    return n;
}

#define SYNC(symbol) \
    int symbol(int fd) \
    { \
        REAL(int, #symbol, int); \
        char path[PATH_MAX]; \
        int ours = named(fd, path); \
        if (ours && step()) return -1; \
        int rc = real(fd); \
        if (rc == 0 && ours) record('S', path, 0, 0, 0); \
        return rc; \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(symbol) \
    int symbol(int fd, off_t size) \
    { \
        REAL(int, #symbol, int, off_t); \
        char path[PATH_MAX]; \
        int ours = named(fd, path); \
        if (ours && step()) return -1; \
        int rc = real(fd, size); \
        if (rc == 0 && ours) record('T', path, size, 0, 0); \
        return rc; \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    if (below(path) && step()) return -1;
    int rc = real(path);
    if (rc == 0 && below(path)) record('U', path, 0, 0, 0);
    return rc;
}

int rename(const char *from, const char *to)
{
    REAL(int, "rename", const char *, const char *);
    if (below(to) && step()) return -1;
    int rc = real(from, to);
    if (rc == 0 && below(to)) record('R', from, 0, to, (int64_t)strlen(to));
    return rc;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, now);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift;
    return rc;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec fine;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &fine);
    now->tv_sec = fine.tv_sec;
    now->tv_usec = fine.tv_nsec / 1000;
    return 0;
}

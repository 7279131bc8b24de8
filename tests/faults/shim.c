/* Makes the n-th file-system call below one directory fail, or kills around it.

   Loaded with LD_PRELOAD by the tests (`tests/faults/trials.py`), so that the calls of
   Python, DuckDB, Arrow and SQLite are covered alike. Calls are counted in all threads
   of the process. `fault_arm` starts counting, so one parent can fork many trials: only
   calls on paths below `directory` count, the `number`-th is treated as `action` says,
   and each that succeeds is a line of `log` (number, what, offset or size, path, other path, the
   bytes written). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum action { NOTHING, FAIL_EIO, FAIL_ENOSPC, KILL_BEFORE, KILL_AFTER, SHORT };

static char root[PATH_MAX];
static char passed[PATH_MAX];
static size_t root_length;
static int log_descriptor = -1;
static atomic_long count = 0;
static atomic_long target = 0;
static atomic_int chosen = NOTHING;
static atomic_int armed = 0;
static __thread long own_number = 0;

/* Let calls on files of these names pass uncounted: parts of names, one a line. */
void fault_pass(const char *names) { snprintf(passed, sizeof passed, "%s", names); }

void fault_arm(const char *directory, long number, int action, const char *log) {
    snprintf(root, sizeof root, "%s", directory);
    root_length = strlen(root);
    if (log_descriptor >= 0) syscall(SYS_close, log_descriptor);
    log_descriptor = -1;
    if (log && *log)
        log_descriptor = syscall(SYS_openat, AT_FDCWD, log,
                                 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    atomic_store(&count, 0);
    atomic_store(&target, number);
    atomic_store(&chosen, action);
    atomic_store(&armed, 1);
}

long fault_disarm(void) {
    atomic_store(&armed, 0);
    return atomic_load(&count);
}

static int passes(const char *path) {
    const char *name = strrchr(path, '/');
    for (const char *part = passed; name && *part; part += strcspn(part, "\n") + 1) {
        char wanted[NAME_MAX + 1];
        snprintf(wanted, sizeof wanted, "%.*s", (int)strcspn(part, "\n"), part);
        if (strstr(name, wanted)) return 1;
    }
    return 0;
}

static int below(const char *path) {
    return path && !strncmp(path, root, root_length) &&
           (path[root_length] == '/' || !path[root_length]) && !passes(path);
}

static int path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int resolve(int directory, const char *path, char *whole) {
    if (!path) return 0;
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
        return 1;
    }
    char base[PATH_MAX];
    if (directory == AT_FDCWD) {
        if (syscall(SYS_getcwd, base, sizeof base) < 0) return 0;
    } else if (!path_of(directory, base)) return 0;
    if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    return 1;
}

/* Decide what happens to a call on a path: 0 goes on, else the errno to fail with. */
static int before(const char *path, int *after) {
    *after = 0;
    if (!atomic_load(&armed) || !below(path)) return 0;
    long number = atomic_fetch_add(&count, 1) + 1;
    own_number = number;
    if (number != atomic_load(&target)) return 0;
    switch (atomic_load(&chosen)) {
    case FAIL_EIO: return EIO;
    case FAIL_ENOSPC: return ENOSPC;
    case KILL_BEFORE: raise(SIGKILL); return 0;
    case KILL_AFTER: *after = 1; return 0;
    case SHORT: *after = 2; return 0;
    default: return 0;
    }
}

static void note_data(const char *what, const char *path, const char *other, long value,
                      const char *data, size_t size) {
    if (log_descriptor < 0 || !atomic_load(&armed) || !below(path)) return;
    static const char digits[] = "0123456789abcdef";
    char *line = malloc(2 * PATH_MAX + 96 + 2 * size);
    if (!line) return;
    int length = sprintf(line, "%ld\t%s\t%ld\t%s\t%s\t", own_number, what, value, path,
                         other ? other : "");
    for (size_t i = 0; i < size; i++) {
        line[length++] = digits[(unsigned char)data[i] >> 4];
        line[length++] = digits[data[i] & 15];
    }
    line[length++] = '\n';
    syscall(SYS_write, log_descriptor, line, length);
    free(line);
}

static void note(const char *what, const char *path, const char *other, long value) {
    note_data(what, path, other, value, NULL, 0);
}

static void done(int after) {
    if (after == 1) raise(SIGKILL);
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define REFUSE(path, failed) \
    int after, error = before(path, &after); \
    if (error) { errno = error; return failed; }

/* Where a write that has just ended began: it moved the offset by what it wrote. */
static void note_write(int descriptor, const char *path, const void *data, ssize_t size) {
    if (size <= 0) return;
    off_t end = syscall(SYS_lseek, descriptor, 0, SEEK_CUR);
    note_data("write", path, NULL, (long)(end - size), data, size);
}

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(write);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor, data, size);
    REFUSE(path, -1);
    if (after == 2 && size > 1) size /= 2;
    ssize_t result = real(descriptor, data, size);
    note_write(descriptor, path, data, result);
    done(after);
    return result;
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    REAL(pwrite64);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor, data, size, offset);
    REFUSE(path, -1);
    if (after == 2 && size > 1) size /= 2;
    ssize_t result = real(descriptor, data, size, offset);
    if (result > 0) note_data("write", path, NULL, (long)offset, data, result);
    done(after);
    return result;
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    return pwrite64(descriptor, data, size, offset);
}

/* Parts are written one after the other: a short write may end within any of them. */
ssize_t writev(int descriptor, const struct iovec *parts, int number) {
    REAL(writev);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor, parts, number);
    ssize_t total = 0;
    for (int i = 0; i < number; i++) {
        if (!parts[i].iov_len) continue;
        ssize_t result = write(descriptor, parts[i].iov_base, parts[i].iov_len);
        if (result < 0) return total ? total : -1;
        total += result;
        if ((size_t)result < parts[i].iov_len) break;
    }
    return total;
}

/* Copies within the kernel become reads and writes, which callers know how to do. */
ssize_t sendfile64(int out, int in, off64_t *offset, size_t size) {
    REAL(sendfile64);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(out, path) || !below(path))
        return real(out, in, offset, size);
    errno = EINVAL;
    return -1;
}

ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
    return sendfile64(out, in, offset, size);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size,
                        unsigned flags) {
    REAL(copy_file_range);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(out, path) || !below(path))
        return real(in, from, out, to, size, flags);
    errno = EXDEV;
    return -1;
}

int posix_fallocate64(int descriptor, off64_t offset, off64_t size) {
    REAL(posix_fallocate64);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor, offset, size);
    return EINVAL;
}

int posix_fallocate(int descriptor, off_t offset, off_t size) {
    return posix_fallocate64(descriptor, offset, size);
}

static int synced(int descriptor, int (*real)(int)) {
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor);
    REFUSE(path, -1);
    int result = real(descriptor);
    note("fsync", path, NULL, 0);
    done(after);
    return result;
}

int fsync(int descriptor) {
    REAL(fsync);
    return synced(descriptor, real);
}

int fdatasync(int descriptor) {
    REAL(fdatasync);
    return synced(descriptor, real);
}

int ftruncate64(int descriptor, off64_t size) {
    REAL(ftruncate64);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor, size);
    REFUSE(path, -1);
    int result = real(descriptor, size);
    note("truncate", path, NULL, (long)size);
    done(after);
    return result;
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

static int opened(int directory, const char *name, int flags, mode_t mode) {
    static __typeof__(&openat64) real;
    if (!real) real = (__typeof__(&openat64))dlsym(RTLD_NEXT, "openat64");
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !resolve(directory, name, path) || !below(path))
        return real(directory, name, flags, mode);
    REFUSE(path, -1);
    struct stat status;
    int fresh = (flags & O_CREAT) &&
        syscall(SYS_newfstatat, AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW);
    int result = real(directory, name, flags, mode);
    if (result >= 0 && fresh) note("create", path, NULL, 0);
    else if (result >= 0 && (flags & O_TRUNC)) note("truncate", path, NULL, 0);
    done(after);
    return result;
}

#define OPEN(function, prefix, directory) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); \
    } \
    return opened(directory, name, flags, mode)

int open(const char *name, int flags, ...) { OPEN(open, , AT_FDCWD); }
int open64(const char *name, int flags, ...) { OPEN(open64, , AT_FDCWD); }
int openat(int directory, const char *name, int flags, ...) { OPEN(openat, , directory); }
int openat64(int directory, const char *name, int flags, ...) { OPEN(openat64, , directory); }

/* `fopen` opens within the C library, past `open`: open here, and hand it over. */
static FILE *file_opened(const char *name, const char *mode) {
    int write = strchr(mode, '+') ? O_RDWR : strchr(mode, 'r') ? O_RDONLY : O_WRONLY;
    int make = strchr(mode, 'r') ? 0 : O_CREAT | (strchr(mode, 'a') ? O_APPEND : O_TRUNC);
    int descriptor = opened(AT_FDCWD, name, write | make, 0666);
    if (descriptor < 0) return NULL;
    return fdopen(descriptor, mode);
}

FILE *fopen(const char *name, const char *mode) {
    REAL(fopen);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !resolve(AT_FDCWD, name, path) || !below(path))
        return real(name, mode);
    return file_opened(name, mode);
}

FILE *fopen64(const char *name, const char *mode) { return fopen(name, mode); }

static int renamed(int from, const char *old, int to, const char *fresh, unsigned flags) {
    char path[PATH_MAX] = "", other[PATH_MAX] = "";
    if (!atomic_load(&armed) || !resolve(from, old, path) || !resolve(to, fresh, other) ||
        !below(other))
        return syscall(SYS_renameat2, from, old, to, fresh, flags);
    REFUSE(other, -1);
    int result = syscall(SYS_renameat2, from, old, to, fresh, flags);
    if (!result) note(flags & RENAME_EXCHANGE ? "exchange" : "rename", path, other, 0);
    done(after);
    return result;
}

int renameat2(int from, const char *old, int to, const char *fresh, unsigned flags) {
    return renamed(from, old, to, fresh, flags);
}

int rename(const char *old, const char *fresh) {
    return renamed(AT_FDCWD, old, AT_FDCWD, fresh, 0);
}

int renameat(int from, const char *old, int to, const char *fresh) {
    return renamed(from, old, to, fresh, 0);
}

int linkat(int from, const char *old, int to, const char *fresh, int flags) {
    char path[PATH_MAX] = "", other[PATH_MAX] = "";
    if (!atomic_load(&armed) || !resolve(from, old, path) || !resolve(to, fresh, other) ||
        !below(other))
        return syscall(SYS_linkat, from, old, to, fresh, flags);
    REFUSE(other, -1);
    int result = syscall(SYS_linkat, from, old, to, fresh, flags);
    if (!result) note("link", path, other, 0);
    done(after);
    return result;
}

int link(const char *old, const char *fresh) {
    return linkat(AT_FDCWD, old, AT_FDCWD, fresh, 0);
}

int symlinkat(const char *old, int to, const char *fresh) {
    char other[PATH_MAX] = "";
    if (!atomic_load(&armed) || !resolve(to, fresh, other) || !below(other))
        return syscall(SYS_symlinkat, old, to, fresh);
    REFUSE(other, -1);
    int result = syscall(SYS_symlinkat, old, to, fresh);
    if (!result) note("symlink", other, old, 0);
    done(after);
    return result;
}

int symlink(const char *old, const char *fresh) {
    return symlinkat(old, AT_FDCWD, fresh);
}

int unlinkat(int directory, const char *name, int flags) {
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !resolve(directory, name, path) || !below(path))
        return syscall(SYS_unlinkat, directory, name, flags);
    REFUSE(path, -1);
    int result = syscall(SYS_unlinkat, directory, name, flags);
    if (!result) note(flags & AT_REMOVEDIR ? "rmdir" : "unlink", path, NULL, 0);
    done(after);
    return result;
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int directory, const char *name, mode_t mode) {
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !resolve(directory, name, path) || !below(path))
        return syscall(SYS_mkdirat, directory, name, mode);
    REFUSE(path, -1);
    int result = syscall(SYS_mkdirat, directory, name, mode);
    if (!result) note("mkdir", path, NULL, 0);
    done(after);
    return result;
}

int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

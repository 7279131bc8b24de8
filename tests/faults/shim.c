/* Makes the n-th file-system call below one directory fail, or kills around it.

   Loaded with LD_PRELOAD by the tests (`tests/faults/trials.py`), so that the calls of
   Python, DuckDB, Arrow and SQLite are covered alike. Calls are counted in all threads
   of the process. `fault_arm` starts counting, so one parent can fork many trials: only
   calls on paths below `directory` count, the `number`-th is treated as `action` says,
   and each that succeeds is a line of `log` (what, inode, size, path, other path). */
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
static size_t root_length;
static int log_descriptor = -1;
static atomic_long count = 0;
static atomic_long target = 0;
static atomic_int chosen = NOTHING;
static atomic_int armed = 0;

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

static int below(const char *path) {
    return path && !strncmp(path, root, root_length) &&
           (path[root_length] == '/' || !path[root_length]);
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

static void note(const char *what, const char *path, const char *other, long value) {
    if (log_descriptor < 0 || !atomic_load(&armed) || !below(path)) return;
    char line[2 * PATH_MAX + 64];
    struct stat status;
    long inode = 0;
    if (!syscall(SYS_newfstatat, AT_FDCWD, other ? other : path, &status, AT_SYMLINK_NOFOLLOW))
        inode = (long)status.st_ino;
    int length = snprintf(line, sizeof line, "%s\t%ld\t%ld\t%s\t%s\n", what, inode, value,
                          path, other ? other : "");
    syscall(SYS_write, log_descriptor, line, length);
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

static long end_of(int descriptor) {
    struct stat status;
    return syscall(SYS_fstat, descriptor, &status) ? -1 : (long)status.st_size;
}

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(write);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor, data, size);
    REFUSE(path, -1);
    if (after == 2 && size > 1) size /= 2;
    ssize_t result = real(descriptor, data, size);
    note("write", path, NULL, end_of(descriptor));
    done(after);
    return result;
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    REAL(pwrite64);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor, data, size, offset);
    REFUSE(path, -1);
    ssize_t result = real(descriptor, data, size, offset);
    note("write", path, NULL, end_of(descriptor));
    done(after);
    return result;
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    return pwrite64(descriptor, data, size, offset);
}

ssize_t writev(int descriptor, const struct iovec *parts, int number) {
    REAL(writev);
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor, parts, number);
    REFUSE(path, -1);
    ssize_t result = real(descriptor, parts, number);
    note("write", path, NULL, end_of(descriptor));
    done(after);
    return result;
}

static int synced(int descriptor, int (*real)(int)) {
    char path[PATH_MAX] = "";
    if (!atomic_load(&armed) || !path_of(descriptor, path) || !below(path))
        return real(descriptor);
    REFUSE(path, -1);
    int result = real(descriptor);
    note("fsync", path, NULL, end_of(descriptor));
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

static int renamed(int from, const char *old, int to, const char *fresh) {
    char path[PATH_MAX] = "", other[PATH_MAX] = "";
    if (!atomic_load(&armed) || !resolve(from, old, path) || !resolve(to, fresh, other) ||
        !below(other))
        return syscall(SYS_renameat2, from, old, to, fresh, 0);
    REFUSE(other, -1);
    int result = syscall(SYS_renameat2, from, old, to, fresh, 0);
    if (!result) note("rename", path, other, 0);
    done(after);
    return result;
}

int rename(const char *old, const char *fresh) {
    return renamed(AT_FDCWD, old, AT_FDCWD, fresh);
}

int renameat(int from, const char *old, int to, const char *fresh) {
    return renamed(from, old, to, fresh);
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
    if (!result) note("create", other, NULL, 0);
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

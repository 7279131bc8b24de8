/* Notes every socket and every changed file of a process, in strace's words.

   Loaded with LD_PRELOAD by the tests where strace is missing (`tests/strace.py`), so
   that what libraries in C open by themselves is seen as well as what Python does. Each
   call is one line of the file that TOOLKIT_WATCH names, opened and closed for it, since
   programs close descriptors that they do not know. System calls that are made without
   the C library are not seen. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char target[PATH_MAX];

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("TOOLKIT_WATCH");
    if (name) snprintf(target, sizeof target, "%s", name);
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
    int kept = errno;
    char line[2 * PATH_MAX + 256];
    int length = snprintf(line, sizeof line, "%ld ", (long)syscall(SYS_gettid));
    va_list list;
    va_start(list, format);
    length += vsnprintf(line + length, sizeof line - length - 1, format, list);
    va_end(list);
    if (length > (int)sizeof line - 2) length = sizeof line - 2;
    line[length++] = '\n';
    long log = *target ? syscall(SYS_openat, AT_FDCWD, target,
                                 O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
                       : -1;
    if (log >= 0) {
        syscall(SYS_write, log, line, length);
        syscall(SYS_close, log);
    }
    errno = kept;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Sockets */

static void note_address(const char *call, const struct sockaddr *to) {
    char text[INET6_ADDRSTRLEN];
    if (!to) return;
    if (to->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)to;
        inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
        note("%s(sin_port=htons(%d), sin_addr=inet_addr(\"%s\"))", call,
             ntohs(four->sin_port), text);
    } else if (to->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)to;
        inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
        note("%s(sin6_port=htons(%d), inet_pton(AF_INET6, \"%s\"))", call,
             ntohs(six->sin6_port), text);
    }
}

int connect(int descriptor, const struct sockaddr *to, socklen_t size) {
    REAL(connect);
    note_address("connect", to);
    return real(descriptor, to, size);
}

int bind(int descriptor, const struct sockaddr *at, socklen_t size) {
    REAL(bind);
    note_address("bind", at);
    return real(descriptor, at, size);
}

ssize_t sendto(int descriptor, const void *data, size_t length, int flags,
               const struct sockaddr *to, socklen_t size) {
    REAL(sendto);
    note_address("sendto", to);
    return real(descriptor, data, length, flags, to, size);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    note_address("sendmsg", message->msg_name);
    return real(descriptor, message, flags);
}

int sendmmsg(int descriptor, struct mmsghdr *messages, unsigned number, int flags) {
    REAL(sendmmsg);
    for (unsigned i = 0; i < number; i++)
        note_address("sendmmsg", messages[i].msg_hdr.msg_name);
    return real(descriptor, messages, number, flags);
}

/* A question for a name is the C library's own, past `sendto`: it is noted as asked. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    REAL(getaddrinfo);
    unsigned char number[sizeof(struct in6_addr)];
    if (name && *name && strcmp(name, "localhost") && !inet_pton(AF_INET, name, number) &&
        !inet_pton(AF_INET6, name, number))
        note("getaddrinfo(sin_port=htons(53), sin_addr=inet_addr(\"%s\"))", name);
    return real(name, service, hints, found);
}

/* Files */

static void quote(const char *path, char *quoted) {
    size_t at = 0;
    for (; *path && at < 2 * PATH_MAX - 8; path++) {
        if (*path == '"' || *path == '\\') quoted[at++] = '\\';
        quoted[at++] = (unsigned char)*path < 32 ? '?' : *path;
    }
    quoted[at] = 0;
}

static void note_file(const char *call, int directory, const char *name,
                      const char *flags) {
    char base[PATH_MAX] = "", quoted[2 * PATH_MAX];
    if (!name) return;
    if (*name != '/') {
        char link[64];
        snprintf(link, sizeof link, directory == AT_FDCWD ? "/proc/self/cwd"
                                                          : "/proc/self/fd/%d", directory);
        ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, base, PATH_MAX - 2);
        if (length < 0) return;
        base[length] = '/';
        base[length + 1] = 0;
    }
    char whole[2 * PATH_MAX];
    snprintf(whole, sizeof whole, "%s%s", base, name);
    quote(whole, quoted);
    note("%s(\"%s\", %s) = 0", call, quoted, flags);
}

static int opened(int directory, const char *name, int flags, mode_t mode) {
    static __typeof__(&openat64) real;
    if (!real) real = (__typeof__(&openat64))dlsym(RTLD_NEXT, "openat64");
    int result = real(directory, name, flags, mode);
    if (result >= 0 && ((flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT))
        note_file("openat", directory, name, "O_WRONLY");
    return result;
}

#define OPEN(directory) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); \
    } \
    return opened(directory, name, flags, mode)

int open(const char *name, int flags, ...) { OPEN(AT_FDCWD); }
int open64(const char *name, int flags, ...) { OPEN(AT_FDCWD); }
int openat(int directory, const char *name, int flags, ...) { OPEN(directory); }
int openat64(int directory, const char *name, int flags, ...) { OPEN(directory); }
int creat(const char *name, mode_t mode) {
    return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char *name, mode_t mode) { return creat(name, mode); }

FILE *fopen(const char *name, const char *mode) {
    REAL(fopen);
    FILE *result = real(name, mode);
    if (result && strpbrk(mode, "wa+")) note_file("openat", AT_FDCWD, name, "O_WRONLY");
    return result;
}

FILE *fopen64(const char *name, const char *mode) {
    REAL(fopen64);
    FILE *result = real(name, mode);
    if (result && strpbrk(mode, "wa+")) note_file("openat", AT_FDCWD, name, "O_WRONLY");
    return result;
}

#define CHANGES(function, arguments, names, directory, name) \
    int function arguments { \
        REAL(function); \
        int result = real names; \
        if (!result) note_file(#function, directory, name, "0"); \
        return result; \
    }

CHANGES(truncate, (const char *n, off_t s), (n, s), AT_FDCWD, n)
CHANGES(mkdir, (const char *n, mode_t m), (n, m), AT_FDCWD, n)
CHANGES(mkdirat, (int d, const char *n, mode_t m), (d, n, m), d, n)
CHANGES(mkfifo, (const char *n, mode_t m), (n, m), AT_FDCWD, n)
CHANGES(unlink, (const char *n), (n), AT_FDCWD, n)
CHANGES(unlinkat, (int d, const char *n, int f), (d, n, f), d, n)
CHANGES(rmdir, (const char *n), (n), AT_FDCWD, n)
CHANGES(remove, (const char *n), (n), AT_FDCWD, n)
CHANGES(chmod, (const char *n, mode_t m), (n, m), AT_FDCWD, n)
CHANGES(fchmodat, (int d, const char *n, mode_t m, int f), (d, n, m, f), d, n)
CHANGES(symlink, (const char *o, const char *n), (o, n), AT_FDCWD, n)
CHANGES(symlinkat, (const char *o, int d, const char *n), (o, d, n), d, n)
CHANGES(link, (const char *o, const char *n), (o, n), AT_FDCWD, n)
CHANGES(linkat, (int e, const char *o, int d, const char *n, int f), (e, o, d, n, f), d, n)

/* Of a rename both names are noted, as strace shows them. */
#define RENAMES(function, arguments, names, from, old, to, fresh) \
    int function arguments { \
        REAL(function); \
        int result = real names; \
        if (!result) { \
            note_file("rename", from, old, "0"); \
            note_file("rename", to, fresh, "0"); \
        } \
        return result; \
    }

RENAMES(rename, (const char *o, const char *n), (o, n), AT_FDCWD, o, AT_FDCWD, n)
RENAMES(renameat, (int d, const char *o, int e, const char *n), (d, o, e, n), d, o, e, n)
RENAMES(renameat2, (int d, const char *o, int e, const char *n, unsigned f),
        (d, o, e, n, f), d, o, e, n)

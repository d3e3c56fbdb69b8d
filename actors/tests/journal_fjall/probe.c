/* Stands before the C library in a child of the tests: says on standard output what reached the disk and
 * which directories were made, each line between those of the child that it came between, and lets syncs
 * fail as long as a file is there. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *what, long long number, const char *path)
{
    char line[PATH_MAX + 64];
    int size = snprintf(line, sizeof line, "child: %s %lld %s\n", what, number, path);
    if (write(STDOUT_FILENO, line, (size_t)size) != size) {
        _exit(99);
    }
}

static int through(long call, int fd)
{
    const char *failing = getenv("JOURNAL_TEST_SYNCS_FAIL");
    if (failing != NULL && access(failing, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    /* What is written after this may not be part of it. A directory has no place. */
    long long written = lseek(fd, 0, SEEK_CUR);
    int done = (int)syscall(call, fd);
    if (done == 0) {
        char link[32], path[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        path[length < 0 ? 0 : length] = '\0';
        say("synced", written, path);
    }
    return done;
}

int fdatasync(int fd)
{
    return through(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return through(SYS_fsync, fd);
}

int mkdir(const char *path, mode_t mode)
{
    int done = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (done == 0) {
        say("made", 0, path);
    }
    return done;
}

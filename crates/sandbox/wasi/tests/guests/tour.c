/* Walks through the C library's side of the interface: each step checks what POSIX promises, and
 * the first that fails names its line and ends with 1. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                              \
    do {                                                              \
        if (!(condition)) {                                           \
            fprintf(stderr, "line %d: errno %d\n", __LINE__, errno);  \
            exit(1);                                                  \
        }                                                             \
    } while (0)

#define FAILS(call, number) CHECK((errno = 0, (call) == -1 && errno == (number)))

static void files(void) {
    char buffer[16];
    FILE *file = fopen("notes.txt", "w+");
    CHECK(file != NULL);
    CHECK(fputs("one two three", file) >= 0);
    CHECK(fseek(file, 4, SEEK_SET) == 0);
    CHECK(fread(buffer, 1, 3, file) == 3 && memcmp(buffer, "two", 3) == 0);
    CHECK(ftell(file) == 7);
    CHECK(fseek(file, -5, SEEK_END) == 0);
    CHECK(fread(buffer, 1, 16, file) == 5 && feof(file));
    CHECK(fclose(file) == 0);

    int fd = open("notes.txt", O_RDWR | O_APPEND);
    CHECK(fd > 2);
    CHECK(write(fd, "!", 1) == 1);
    CHECK(pread(fd, buffer, 6, 8) == 6 && memcmp(buffer, "three!", 6) == 0);
    CHECK(ftruncate(fd, 3) == 0);
    CHECK(lseek(fd, 0, SEEK_END) == 3);
    CHECK(posix_fallocate(fd, 0, 10) == 0);
    struct stat status;
    CHECK(fstat(fd, &status) == 0 && status.st_size == 10 && S_ISREG(status.st_mode));
    CHECK(fsync(fd) == 0 && !isatty(fd) && !isatty(1));
    CHECK(close(fd) == 0);
    FAILS(close(fd), EBADF);
    FAILS(open("missing", O_RDONLY), ENOENT);
    FAILS(open("notes.txt", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    FAILS(open("notes.txt", O_RDONLY | O_DIRECTORY), ENOTDIR);
    int reader = open("notes.txt", O_RDONLY);
    FAILS(write(reader, "x", 1), EBADF);
    CHECK(close(reader) == 0);
}

static void names(void) {
    CHECK(mkdir("shelf", 0700) == 0);
    FAILS(mkdir("shelf", 0700), EEXIST);
    CHECK(link("notes.txt", "shelf/again") == 0);
    CHECK(symlink("again", "shelf/pointer") == 0);
    char target[8];
    CHECK(readlink("shelf/pointer", target, sizeof target) == 5);
    struct stat one, two, itself;
    CHECK(stat("notes.txt", &one) == 0 && stat("shelf/pointer", &two) == 0);
    CHECK(lstat("shelf/pointer", &itself) == 0 && S_ISLNK(itself.st_mode));
    CHECK(one.st_ino == two.st_ino && one.st_dev == two.st_dev && one.st_nlink == 2);
    CHECK(one.st_ino != itself.st_ino);

    DIR *directory = opendir("shelf");
    CHECK(directory != NULL);
    int seen = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        seen += entry->d_name[0] != '.';
    }
    CHECK(seen == 2 && closedir(directory) == 0);

    FAILS(rmdir("shelf"), ENOTEMPTY);
    FAILS(unlink("shelf"), EISDIR);
    CHECK(rename("shelf", "cupboard") == 0);
    CHECK(unlink("cupboard/pointer") == 0 && unlink("cupboard/again") == 0);
    CHECK(rmdir("cupboard") == 0);
    struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 6, .tv_nsec = 7}};
    CHECK(utimensat(AT_FDCWD, "notes.txt", times, 0) == 0);
    CHECK(stat("notes.txt", &one) == 0 && one.st_mtim.tv_sec == 6 && one.st_mtim.tv_nsec == 7);
}

static void waiting(void) {
    struct timespec before, after, grain, pause = {.tv_nsec = 3000000};
    CHECK(clock_getres(CLOCK_MONOTONIC, &grain) == 0 && grain.tv_nsec == 1000000);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
    CHECK(nanosleep(&pause, NULL) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
    long slept = (after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec;
    CHECK(slept >= 3000000);
    struct pollfd input = {.fd = 0, .events = POLLRDNORM};
    CHECK(poll(&input, 1, 1000) == 1 && (input.revents & POLLRDNORM) != 0);
}

int main(int argc, char **argv) {
    CHECK(argc == 3 && strcmp(argv[1], "two words") == 0);
    CHECK(getenv("HOME") != NULL && strcmp(getenv("HOME"), "/") == 0);
    CHECK(getenv("NOTHING") == NULL);
    files();
    names();
    waiting();
    unsigned char random[8] = {0};
    CHECK(getentropy(random, sizeof random) == 0 && random[0] != 0);
    char line[64];
    CHECK(fgets(line, sizeof line, stdin) != NULL);
    printf("%s, read to the end: %d\n", line, feof(stdin));
    fputs("done\n", stderr);
    return 42;
}

// What programs of the public suite for WASI preview 1 expect, by the functions themselves and by
// wasi-libc. Run with fs.dir as `/`. Prints each expectation that does not hold, with its line.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

enum {
  ROOT = 3,
  CREATE = __WASI_OFLAGS_CREAT,
  DIRECTORY = __WASI_OFLAGS_DIRECTORY,
  TRUNCATE = __WASI_OFLAGS_TRUNC,
  EXCLUSIVE = __WASI_OFLAGS_EXCL,
  FOLLOW = __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW,
};

static const __wasi_rights_t READ = __WASI_RIGHTS_FD_READ, WRITE = __WASI_RIGHTS_FD_WRITE;

static int broken;
/// The directory that the checks work in, and the descriptor opened last.
static int dir, opened;

static void report(int line, const char *what, long found) {
  broken++;
  printf("line %d: %s is %ld\n", line, what, found);
}

#define HOLDS(what)                                                                              \
  do {                                                                                           \
    if (!(what)) report(__LINE__, #what, 0);                                                     \
  } while (0)
/// One of these error numbers.
#define GIVES(what, ...)                                                                         \
  do {                                                                                           \
    int found = (what), expected[] = {__VA_ARGS__}, fits = 0;                                    \
    for (unsigned at = 0; at < sizeof expected / sizeof *expected; at++)                         \
      fits |= found == expected[at];                                                             \
    if (!fits) report(__LINE__, #what, found);                                                   \
  } while (0)
#define WORKS(what) GIVES(what, 0)

static int open_with(int from, int lookup, const char *path, int flags, __wasi_rights_t base,
                     __wasi_rights_t inheriting, int fd_flags) {
  __wasi_fd_t fd = -1;
  int error = __wasi_path_open(from, lookup, path, flags, base, inheriting, fd_flags, &fd);
  opened = (int)fd;
  return error;
}

static int open_plain(const char *path, int flags) {
  return open_with(dir, 0, path, flags, 0, 0, 0);
}

static void preopens(void) {
  __wasi_prestat_t stat;
  char name[8];
  WORKS(__wasi_fd_prestat_get(ROOT, &stat));
  HOLDS(stat.tag == __WASI_PREOPENTYPE_DIR && stat.u.dir.pr_name_len == 1);
  GIVES(__wasi_fd_prestat_dir_name(ROOT, (uint8_t *)name, 0), __WASI_ERRNO_INVAL,
        __WASI_ERRNO_NAMETOOLONG);
  WORKS(__wasi_fd_prestat_dir_name(ROOT, (uint8_t *)name, 2));
  HOLDS(name[0] == '/');
  GIVES(__wasi_fd_prestat_get(ROOT + 1, &stat), __WASI_ERRNO_BADF);

  __wasi_fdstat_t fd;
  WORKS(__wasi_fd_fdstat_get(ROOT, &fd));
  __wasi_rights_t base =
      __WASI_RIGHTS_PATH_CREATE_DIRECTORY | __WASI_RIGHTS_PATH_CREATE_FILE |
      __WASI_RIGHTS_PATH_LINK_SOURCE | __WASI_RIGHTS_PATH_LINK_TARGET | __WASI_RIGHTS_PATH_OPEN |
      __WASI_RIGHTS_FD_READDIR | __WASI_RIGHTS_PATH_READLINK | __WASI_RIGHTS_PATH_RENAME_SOURCE |
      __WASI_RIGHTS_PATH_RENAME_TARGET | __WASI_RIGHTS_PATH_SYMLINK |
      __WASI_RIGHTS_PATH_REMOVE_DIRECTORY | __WASI_RIGHTS_PATH_UNLINK_FILE |
      __WASI_RIGHTS_PATH_FILESTAT_GET | __WASI_RIGHTS_PATH_FILESTAT_SET_TIMES |
      __WASI_RIGHTS_FD_FILESTAT_GET | __WASI_RIGHTS_FD_FILESTAT_SET_TIMES;
  __wasi_rights_t inheriting =
      base | READ | WRITE | __WASI_RIGHTS_FD_DATASYNC | __WASI_RIGHTS_FD_SEEK |
      __WASI_RIGHTS_FD_FDSTAT_SET_FLAGS | __WASI_RIGHTS_FD_SYNC | __WASI_RIGHTS_FD_TELL |
      __WASI_RIGHTS_FD_ADVISE | __WASI_RIGHTS_FD_ALLOCATE | __WASI_RIGHTS_FD_FILESTAT_SET_SIZE |
      __WASI_RIGHTS_POLL_FD_READWRITE;
  HOLDS((fd.fs_rights_base & base) == base);
  HOLDS((fd.fs_rights_inheriting & inheriting) == inheriting);
  HOLDS(!(fd.fs_rights_base & __WASI_RIGHTS_FD_FILESTAT_SET_SIZE) && fd.fs_flags == 0);

  WORKS(open_with(ROOT, 0, ".", 0, fd.fs_rights_base, fd.fs_rights_inheriting, 0));
  dir = opened;
  HOLDS(dir == ROOT + 1);
  WORKS(open_with(ROOT, 0, ".", DIRECTORY, READ, 0, 0));
  GIVES(open_with(ROOT, 0, ".", DIRECTORY, READ | WRITE, 0, 0), __WASI_ERRNO_ISDIR);
}

static void times(void) {
  __wasi_filestat_t before, after;
  __wasi_fdstat_t fd;
  int flags = __WASI_FDFLAGS_APPEND | __WASI_FDFLAGS_SYNC;
  WORKS(open_with(dir, 0, "timed", CREATE, READ | WRITE, 0, flags));
  WORKS(__wasi_fd_fdstat_get(opened, &fd));
  HOLDS(fd.fs_flags == flags);
  WORKS(__wasi_path_filestat_get(dir, 0, "timed", &before));
  HOLDS(before.size == 0);
  int set = __WASI_FSTFLAGS_MTIM, now = __WASI_FSTFLAGS_MTIM_NOW;
  WORKS(__wasi_path_filestat_set_times(dir, 0, "timed", 0, before.mtim - 100, set));
  WORKS(__wasi_path_filestat_get(dir, 0, "timed", &after));
  HOLDS(after.mtim == before.mtim - 100);
  GIVES(__wasi_path_filestat_set_times(dir, 0, "timed", 0, 1, set | now), __WASI_ERRNO_INVAL);

  WORKS(__wasi_path_symlink("timed", dir, "link"));
  WORKS(__wasi_path_filestat_get(dir, 0, "link", &before));
  HOLDS(before.filetype == __WASI_FILETYPE_SYMBOLIC_LINK);
  WORKS(__wasi_path_filestat_set_times(dir, 0, "link", 0, before.mtim - 200, set));
  WORKS(__wasi_path_filestat_get(dir, 0, "link", &after));
  HOLDS(after.mtim == before.mtim - 200);
}

static void links(void) {
  WORKS(open_plain("file1", CREATE));
  WORKS(__wasi_path_create_directory(dir, "target"));
  GIVES(__wasi_path_symlink("source", dir, "free/"), __WASI_ERRNO_NOENT);
  GIVES(__wasi_path_symlink("source", dir, "target/"), __WASI_ERRNO_EXIST);
  GIVES(__wasi_path_symlink("source", dir, "target"), __WASI_ERRNO_EXIST);
  GIVES(__wasi_path_symlink("source", dir, "file1/"), __WASI_ERRNO_NOTDIR, __WASI_ERRNO_EXIST);
  GIVES(__wasi_path_link(dir, 0, "file1", dir, "free/"), __WASI_ERRNO_NOENT);
  GIVES(__wasi_path_link(dir, 0, "file1", dir, "file1"), __WASI_ERRNO_EXIST);
  GIVES(__wasi_path_link(dir, 0, "target", dir, "free"), __WASI_ERRNO_PERM, __WASI_ERRNO_ACCES);

  WORKS(__wasi_path_symlink("nowhere", dir, "dangling"));
  WORKS(__wasi_path_link(dir, 0, "dangling", dir, "dangling2"));
  GIVES(__wasi_path_link(dir, FOLLOW, "dangling", dir, "free"), __WASI_ERRNO_INVAL,
        __WASI_ERRNO_NOENT);
  GIVES(__wasi_path_link(dir, 0, "file1", dir, "dangling"), __WASI_ERRNO_EXIST);
  GIVES(open_plain("dangling", DIRECTORY), __WASI_ERRNO_NOTDIR, __WASI_ERRNO_LOOP);
  GIVES(open_plain("dangling", 0), __WASI_ERRNO_LOOP);
  WORKS(__wasi_path_symlink("loop", dir, "loop"));
  GIVES(open_plain("loop", 0), __WASI_ERRNO_LOOP);
  GIVES(open_with(dir, FOLLOW, "loop", 0, 0, 0, 0), __WASI_ERRNO_LOOP);

  WORKS(__wasi_path_symlink("target", dir, "to-directory"));
  GIVES(open_plain("to-directory", DIRECTORY), __WASI_ERRNO_LOOP, __WASI_ERRNO_NOTDIR);
  WORKS(open_with(dir, FOLLOW, "to-directory", DIRECTORY, 0, 0, 0));
  GIVES(open_with(dir, FOLLOW, "link", DIRECTORY, 0, 0, 0), __WASI_ERRNO_NOTDIR);
  char text[8] = {0};
  __wasi_size_t used;
  WORKS(__wasi_path_readlink(dir, "to-directory", (uint8_t *)text, 4, &used));
  HOLDS(used == 4 && !memcmp(text, "targ\0\0\0\0", 8));
}

static void paths(void) {
  WORKS(__wasi_path_create_directory(dir, "outer"));
  WORKS(__wasi_path_create_directory(dir, "outer/nested"));
  WORKS(open_plain("outer/nested/file", CREATE));
  GIVES(open_plain("outer/nested/file", CREATE | EXCLUSIVE), __WASI_ERRNO_EXIST);
  GIVES(open_plain("/outer/nested/file", 0), __WASI_ERRNO_PERM, __WASI_ERRNO_NOTCAPABLE);
  WORKS(open_plain("outer/.//nested/../../outer/nested/../nested///./file", 0));
  GIVES(open_plain("outer/nested/file/", 0), __WASI_ERRNO_NOTDIR, __WASI_ERRNO_NOENT);
  GIVES(open_plain("outer/nested/file///", 0), __WASI_ERRNO_NOTDIR, __WASI_ERRNO_NOENT);
  WORKS(open_plain("outer/nested///", 0));
  GIVES(open_plain("outer/nested/../../../outer", 0), __WASI_ERRNO_PERM,
        __WASI_ERRNO_NOTCAPABLE);
  WORKS(open_plain("file1", 0));
  GIVES(open_with(opened, 0, "below", CREATE, 0, 0, 0), __WASI_ERRNO_NOTDIR,
        __WASI_ERRNO_NOTCAPABLE);
}

static void removing_and_renaming(void) {
  GIVES(__wasi_path_unlink_file(dir, "outer"), __WASI_ERRNO_ISDIR);
  GIVES(__wasi_path_unlink_file(dir, "outer/"), __WASI_ERRNO_ISDIR);
  GIVES(__wasi_path_unlink_file(dir, "file1/"), __WASI_ERRNO_NOTDIR);
  GIVES(__wasi_path_remove_directory(dir, "file1"), __WASI_ERRNO_NOTDIR);
  GIVES(__wasi_path_remove_directory(dir, "file1/"), __WASI_ERRNO_NOTDIR);
  GIVES(__wasi_path_remove_directory(dir, "outer"), __WASI_ERRNO_NOTEMPTY);
  WORKS(__wasi_path_rename(dir, "target/", dir, "other"));
  WORKS(__wasi_path_rename(dir, "other", dir, "target/"));
  WORKS(__wasi_path_rename(dir, "target/", dir, "other/"));
  GIVES(__wasi_path_rename(dir, "other", dir, "outer"), __WASI_ERRNO_NOTEMPTY);
  GIVES(__wasi_path_rename(dir, "other", dir, "file1"), __WASI_ERRNO_NOTDIR);
  GIVES(__wasi_path_rename(dir, "file1", dir, "other"), __WASI_ERRNO_ISDIR);
  WORKS(__wasi_path_remove_directory(dir, "other/"));
}

static void directories_are_no_files(void) {
  char bytes[8];
  __wasi_iovec_t in = {(uint8_t *)bytes, sizeof bytes};
  __wasi_ciovec_t out = {(uint8_t *)bytes, sizeof bytes};
  __wasi_size_t done;
  __wasi_filesize_t place;
#define REFUSED(what) GIVES(what, __WASI_ERRNO_ISDIR, __WASI_ERRNO_BADF, __WASI_ERRNO_NOTCAPABLE)
  REFUSED(__wasi_fd_read(dir, &in, 1, &done));
  REFUSED(__wasi_fd_pread(dir, &in, 1, 0, &done));
  REFUSED(__wasi_fd_write(dir, &out, 1, &done));
  REFUSED(__wasi_fd_pwrite(dir, &out, 1, 0, &done));
  REFUSED(__wasi_fd_seek(dir, 0, __WASI_WHENCE_CUR, &place));
  REFUSED(__wasi_fd_tell(dir, &place));
  REFUSED(__wasi_fd_allocate(dir, 0, 1));
  REFUSED(__wasi_fd_filestat_set_size(dir, 0));
}

static void rights_that_were_dropped(void) {
  __wasi_fdstat_t fd;
  WORKS(open_plain("file1", TRUNCATE));
  WORKS(__wasi_fd_fdstat_get(dir, &fd));
  __wasi_rights_t inheriting = fd.fs_rights_inheriting & ~__WASI_RIGHTS_FD_FILESTAT_SET_SIZE;
  WORKS(__wasi_fd_fdstat_set_rights(dir, fd.fs_rights_base, inheriting));
  WORKS(open_plain("file1", TRUNCATE));
  __wasi_rights_t base = fd.fs_rights_base & ~__WASI_RIGHTS_PATH_FILESTAT_SET_SIZE;
  WORKS(__wasi_fd_fdstat_set_rights(dir, base, inheriting));
  GIVES(open_plain("file1", TRUNCATE), __WASI_ERRNO_PERM, __WASI_ERRNO_NOTCAPABLE);
  GIVES(__wasi_fd_fdstat_set_rights(dir, fd.fs_rights_base, inheriting),
        __WASI_ERRNO_NOTCAPABLE);
}

static void by_the_c_library(void) {
  char bytes[32];
  struct stat one, two;
  int first = open("/hello.txt", O_RDONLY), second = open("/below/deep.txt", O_RDONLY);
  HOLDS(first >= 0 && second >= 0 && !isatty(first));
  HOLDS(!fstat(first, &one) && !fstat(second, &two));
  HOLDS(one.st_dev == two.st_dev && one.st_ino != two.st_ino && one.st_size == 14);
  HOLDS(pread(first, bytes, sizeof bytes, 5) == 9 && lseek(first, 0, SEEK_CUR) == 0);
  FILE *file = fopen("/below/deep.txt", "r");
  HOLDS(file && fgets(bytes, sizeof bytes, file) && !strcmp(bytes, "deeper\n"));
  HOLDS(!fopen("/below/nothing", "r") && errno == ENOENT);

  int appending = open("/appended", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND);
  HOLDS(write(appending, bytes, 2) == 2 && lseek(appending, 0, SEEK_SET) == 0);
  HOLDS(write(appending, bytes, 2) == 2 && lseek(appending, 0, SEEK_CUR) == 4);
  HOLDS(pwrite(appending, bytes, 3, 0) == 3 && lseek(appending, 0, SEEK_CUR) == 4);

  int names = 0;
  DIR *listing = opendir("/below");
  while (listing && readdir(listing)) names++;
  HOLDS(names == 3);

  struct timespec before, after;
  HOLDS(!clock_gettime(CLOCK_MONOTONIC, &before) && !clock_gettime(CLOCK_MONOTONIC, &after));
  HOLDS(before.tv_sec < after.tv_sec || before.tv_nsec < after.tv_nsec);
  HOLDS(!clock_getres(CLOCK_REALTIME, &after) && after.tv_nsec > 0);
}

static void descriptors(void) {
  __wasi_fdstat_t fd;
  GIVES(__wasi_sock_shutdown(1, __WASI_SDFLAGS_RD), __WASI_ERRNO_NOTSOCK);
  GIVES(__wasi_sock_shutdown(999, __WASI_SDFLAGS_RD), __WASI_ERRNO_BADF);
  WORKS(open_with(dir, 0, "file1", 0, READ | WRITE, 0, 0));
  int from = opened;
  WORKS(open_plain("timed", 0));
  WORKS(__wasi_fd_renumber(from, opened));
  GIVES(__wasi_fd_close(from), __WASI_ERRNO_BADF);
  GIVES(__wasi_fd_renumber(opened, from), __WASI_ERRNO_BADF);
  WORKS(__wasi_fd_fdstat_get(opened, &fd));
  HOLDS((fd.fs_rights_base & WRITE) == WRITE);
  WORKS(__wasi_fd_close(ROOT));
  GIVES(__wasi_fd_fdstat_get(ROOT, &fd), __WASI_ERRNO_BADF);
  WORKS(__wasi_fd_fdstat_get(dir, &fd));
}

int main(void) {
  preopens();
  times();
  links();
  paths();
  removing_and_renaming();
  directories_are_no_files();
  rights_that_were_dropped();
  by_the_c_library();
  descriptors();
  return broken ? 1 : 0;
}

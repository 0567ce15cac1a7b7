//go:build faultfs

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "disk.h"

static sqlite3_vfs *real_vfs;

#define FILE_OF(p) ((ff_file *)(p))
#define REAL(p) (FILE_OF(p)->real)

static int file_close(sqlite3_file *p) {
  ff_file *f = FILE_OF(p);
  ff_lock(f->disk);
  if (f->prev != NULL) f->prev->next = f->next;
  else f->disk->files = f->next;
  if (f->next != NULL) f->next->prev = f->prev;
  ff_unlock(f->disk);
  int rc = f->real->pMethods->xClose(f->real);
  ff_release(f->disk);
  free(f->name);
  return rc;
}

static int file_read(sqlite3_file *p, void *into, int size, sqlite3_int64 at) {
  ff_file *f = FILE_OF(p);
  ff_fault met;
  ff_lock(f->disk);
  int hit = ff_meet(f->disk, FF_READ, f->kind, &met);
  ff_unlock(f->disk);
  if (hit && met.bit < 0) {
    if (met.code == SQLITE_IOERR_SHORT_READ) memset(into, 0, (size_t)size);
    return met.code;
  }
  int rc = f->real->pMethods->xRead(f->real, into, size, at);
  if (hit && rc == SQLITE_OK) {
    int64_t bit = met.bit % ((int64_t)size * 8);
    ((unsigned char *)into)[bit / 8] ^= (unsigned char)(1 << (bit % 8));
  }
  return rc;
}

// Writing keeps the disk's mutex until the entry is in the log, so that the log has
// the order in which the kernel saw the operations.
static int file_write(sqlite3_file *p, const void *from, int size, sqlite3_int64 at) {
  ff_file *f = FILE_OF(p);
  ff_fault met;
  ff_lock(f->disk);
  int rc = SQLITE_OK, todo = size;
  int hit = ff_meet(f->disk, FF_WRITE, f->kind, &met);
  if (hit) todo = met.part < size ? met.part : size;
  if (todo > 0) {
    rc = f->real->pMethods->xWrite(f->real, from, todo, at);
    if (rc == SQLITE_OK && f->direct) ff_log(f->disk, FF_WRITE, f->handle, at, from, todo, 0);
  }
  ff_unlock(f->disk);
  return hit ? met.code : rc;
}

static int file_truncate(sqlite3_file *p, sqlite3_int64 size) {
  ff_file *f = FILE_OF(p);
  ff_fault met;
  ff_lock(f->disk);
  int rc;
  if (ff_meet(f->disk, FF_TRUNCATE, f->kind, &met)) rc = met.code;
  else {
    rc = f->real->pMethods->xTruncate(f->real, size);
    if (rc == SQLITE_OK && f->direct) ff_log(f->disk, FF_TRUNCATE, f->handle, size, NULL, 0, 0);
  }
  ff_unlock(f->disk);
  return rc;
}

// A sync that is made to fail still enters the log: the kernel may have dropped the
// pages and will not try them again at the next one.
static int file_sync(sqlite3_file *p, int flags) {
  ff_file *f = FILE_OF(p);
  ff_fault met;
  ff_lock(f->disk);
  int rc, op = FF_SYNC;
  if (ff_meet(f->disk, FF_SYNC, f->kind, &met)) {
    rc = met.code;
    op = FF_SYNC_FAILED;
  } else {
    rc = f->real->pMethods->xSync(f->real, flags);
  }
  if (f->direct && (rc == SQLITE_OK || op == FF_SYNC_FAILED)) {
    ff_log(f->disk, op, f->handle, 0, NULL, 0, op == FF_SYNC && f->syncs_folder);
    if (op == FF_SYNC) f->syncs_folder = 0;
  }
  ff_unlock(f->disk);
  return rc;
}

static int file_size(sqlite3_file *p, sqlite3_int64 *size) { return REAL(p)->pMethods->xFileSize(REAL(p), size); }
static int file_lock(sqlite3_file *p, int level) { return REAL(p)->pMethods->xLock(REAL(p), level); }
static int file_unlock(sqlite3_file *p, int level) { return REAL(p)->pMethods->xUnlock(REAL(p), level); }
static int file_reserved(sqlite3_file *p, int *out) { return REAL(p)->pMethods->xCheckReservedLock(REAL(p), out); }
static int file_control(sqlite3_file *p, int op, void *arg) { return REAL(p)->pMethods->xFileControl(REAL(p), op, arg); }
static int file_sector(sqlite3_file *p) { return REAL(p)->pMethods->xSectorSize(REAL(p)); }
static int file_traits(sqlite3_file *p) { return REAL(p)->pMethods->xDeviceCharacteristics(REAL(p)); }
static int shm_map(sqlite3_file *p, int region, int size, int extend, void volatile **out) {
  return REAL(p)->pMethods->xShmMap(REAL(p), region, size, extend, out);
}
static int shm_lock(sqlite3_file *p, int at, int n, int flags) { return REAL(p)->pMethods->xShmLock(REAL(p), at, n, flags); }
static void shm_barrier(sqlite3_file *p) { REAL(p)->pMethods->xShmBarrier(REAL(p)); }
static int shm_unmap(sqlite3_file *p, int drop) { return REAL(p)->pMethods->xShmUnmap(REAL(p), drop); }
static int file_fetch(sqlite3_file *p, sqlite3_int64 at, int size, void **out) { return REAL(p)->pMethods->xFetch(REAL(p), at, size, out); }
static int file_unfetch(sqlite3_file *p, sqlite3_int64 at, void *page) { return REAL(p)->pMethods->xUnfetch(REAL(p), at, page); }

static const sqlite3_io_methods methods = {
    3,           file_close,    file_read,   file_write,   file_truncate, file_sync,  file_size,   file_lock,  file_unlock,  file_reserved,
    file_control, file_sector,  file_traits, shm_map,      shm_lock,      shm_barrier, shm_unmap,  file_fetch, file_unfetch,
};

static int kind_of(int flags, int direct) {
  if (!direct) return FF_OTHER;
  if (flags & SQLITE_OPEN_MAIN_DB) return FF_DATABASE;
  if (flags & SQLITE_OPEN_WAL) return FF_WAL;
  if (flags & SQLITE_OPEN_MAIN_JOURNAL) return FF_JOURNAL;
  return FF_OTHER;
}

// open_on opens a file of an attached disk; it wants the disk's mutex.
static int open_on(ff_disk *d, const char *path, ff_file *f, int flags, int *out) {
  int there = access(path, F_OK) == 0; // not xAccess, which calls an empty file missing
  int rc = real_vfs->xOpen(real_vfs, path, f->real, flags, out);
  if (rc != SQLITE_OK) return rc;
  if (f->real->pMethods->iVersion < 3) {
    f->real->pMethods->xClose(f->real);
    return SQLITE_CANTOPEN;
  }
  f->base.pMethods = &methods;
  f->disk = d;
  f->handle = ++d->handles;
  // SQLite's own rule: the first sync of a journal that might be new syncs the folder.
  f->syncs_folder = (flags & SQLITE_OPEN_CREATE) && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL));
  f->next = d->files;
  if (f->next != NULL) f->next->prev = f;
  d->files = f;
  if (f->direct) ff_log(d, FF_OPEN, f->handle, 0, f->name, (int64_t)strlen(f->name), !there);
  return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *v, const char *path, sqlite3_file *p, int flags, int *out) {
  (void)v;
  ff_disk *d = path == NULL ? NULL : ff_find(path);
  // Elsewhere the real VFS takes the memory as if this layer were not there.
  if (d == NULL) return real_vfs->xOpen(real_vfs, path, p, flags, out);
  ff_file *f = FILE_OF(p);
  memset(f, 0, sizeof *f);
  f->real = (sqlite3_file *)(f + 1);
  f->name = strdup(path + d->length + 1);
  f->direct = f->name != NULL && strchr(f->name, '/') == NULL;
  f->kind = kind_of(flags, f->direct);
  ff_fault met;
  ff_lock(d);
  int rc;
  if (f->name == NULL) rc = SQLITE_CANTOPEN;
  else if (ff_meet(d, FF_OPEN, f->kind, &met)) rc = met.code;
  else rc = open_on(d, path, f, flags, out);
  ff_unlock(d);
  if (rc != SQLITE_OK) {
    f->base.pMethods = NULL; // so that SQLite does not close it
    free(f->name);
    ff_release(d);
  }
  return rc;
}

static int vfs_delete(sqlite3_vfs *v, const char *path, int sync_folder) {
  (void)v;
  ff_disk *d = ff_find(path);
  if (d == NULL) return real_vfs->xDelete(real_vfs, path, sync_folder);
  const char *name = path + d->length + 1;
  int direct = strchr(name, '/') == NULL, rc;
  size_t length = strlen(name);
  int kind = FF_OTHER;
  if (direct && length > 4 && strcmp(name + length - 4, "-wal") == 0) kind = FF_WAL;
  if (direct && length > 8 && strcmp(name + length - 8, "-journal") == 0) kind = FF_JOURNAL;
  ff_fault met;
  ff_lock(d);
  if (ff_meet(d, FF_DELETE, kind, &met)) rc = met.code;
  else {
    rc = real_vfs->xDelete(real_vfs, path, sync_folder);
    if (rc == SQLITE_OK && direct) ff_log(d, FF_DELETE, 0, 0, name, (int64_t)length, sync_folder & 1);
  }
  ff_unlock(d);
  ff_release(d);
  return rc;
}

static int vfs_access(sqlite3_vfs *v, const char *path, int flags, int *out) { (void)v; return real_vfs->xAccess(real_vfs, path, flags, out); }
static int vfs_full(sqlite3_vfs *v, const char *path, int n, char *out) { (void)v; return real_vfs->xFullPathname(real_vfs, path, n, out); }
static void *vfs_dlopen(sqlite3_vfs *v, const char *path) { (void)v; return real_vfs->xDlOpen(real_vfs, path); }
static void vfs_dlerror(sqlite3_vfs *v, int n, char *out) { (void)v; real_vfs->xDlError(real_vfs, n, out); }
static void (*vfs_dlsym(sqlite3_vfs *v, void *h, const char *name))(void) { (void)v; return real_vfs->xDlSym(real_vfs, h, name); }
static void vfs_dlclose(sqlite3_vfs *v, void *h) { (void)v; real_vfs->xDlClose(real_vfs, h); }
static int vfs_random(sqlite3_vfs *v, int n, char *out) { (void)v; return real_vfs->xRandomness(real_vfs, n, out); }
static int vfs_sleep(sqlite3_vfs *v, int us) { (void)v; return real_vfs->xSleep(real_vfs, us); }
static int vfs_time(sqlite3_vfs *v, double *out) { (void)v; return real_vfs->xCurrentTime(real_vfs, out); }
static int vfs_error(sqlite3_vfs *v, int n, char *out) { (void)v; return real_vfs->xGetLastError(real_vfs, n, out); }
static int vfs_time64(sqlite3_vfs *v, sqlite3_int64 *out) { (void)v; return real_vfs->xCurrentTimeInt64(real_vfs, out); }
static int vfs_setcall(sqlite3_vfs *v, const char *name, sqlite3_syscall_ptr f) { (void)v; return real_vfs->xSetSystemCall(real_vfs, name, f); }
static sqlite3_syscall_ptr vfs_getcall(sqlite3_vfs *v, const char *name) { (void)v; return real_vfs->xGetSystemCall(real_vfs, name); }
static const char *vfs_nextcall(sqlite3_vfs *v, const char *name) { (void)v; return real_vfs->xNextSystemCall(real_vfs, name); }

static sqlite3_vfs vfs = {
    3,          0,           0,          NULL,       "faultfs",   NULL,      vfs_open,  vfs_delete, vfs_access,  vfs_full,    vfs_dlopen,
    vfs_dlerror, vfs_dlsym,  vfs_dlclose, vfs_random, vfs_sleep,  vfs_time,  vfs_error, vfs_time64, vfs_setcall, vfs_getcall, vfs_nextcall,
};

static int installed = SQLITE_ERROR;

static void install_once(void) {
  if (sqlite3_vfs_find == NULL || sqlite3_vfs_register == NULL) {
    installed = SQLITE_NOTFOUND;
    return;
  }
  real_vfs = sqlite3_vfs_find(NULL);
  if (real_vfs == NULL || real_vfs->iVersion < 3) return;
  vfs.szOsFile = (int)sizeof(ff_file) + real_vfs->szOsFile;
  vfs.mxPathname = real_vfs->mxPathname;
  installed = sqlite3_vfs_register(&vfs, 1);
}

int ff_install(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install_once);
  return installed;
}

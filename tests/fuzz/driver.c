/* Runs a fuzz target once over each file of the folders and files that are named: for kept corpora,
 * with any compiler. The last line counts them. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

enum { FILE_MAX = 4 << 20, PATH_ROOM = 4096 };

static unsigned passed, failed;

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = f ? malloc(FILE_MAX) : NULL;
    const size_t n = bytes ? fread(bytes, 1, FILE_MAX, f) : 0;
    /* An exact copy, so that a sanitizer sees a step past the end. */
    uint8_t *exact = malloc(n ? n : 1);
    if (!bytes || !exact) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        failed++;
    } else {
        memcpy(exact, bytes, n);
        LLVMFuzzerTestOneInput(exact, n);
        passed++;
    }
    free(exact);
    free(bytes);
    if (f)
        fclose(f);
}

static void run_folder(const char *path)
{
    DIR *dir = opendir(path);
    char inner[PATH_ROOM];
    if (!dir) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        failed++;
        return;
    }
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        run_file(inner);
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
            run_folder(argv[i]);
        else
            run_file(argv[i]);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed || !passed ? 1 : 0;
}

/* Runs a fuzz entry over every file of the folder given: a corpus as a test without a fuzzer. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    if (!dir) {
        fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    enum { MAX = 1 << 21 };
    uint8_t *data = malloc(MAX);
    int n_files = 0;
    for (struct dirent *d; data && (d = readdir(dir));) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], d->d_name);
        if (d->d_name[0] == '.') continue;
        FILE *f = fopen(path, "rb");
        if (!f) {
            perror(path);
            return 1;
        }
        size_t n = fread(data, 1, MAX, f);
        fclose(f);
        printf("%s\n", d->d_name);
        fflush(stdout);
        LLVMFuzzerTestOneInput(data, n);
        n_files++;
    }
    closedir(dir);
    free(data);
    return n_files ? 0 : 1;
}

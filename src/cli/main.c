#include <stdio.h>

int main(void) {
    printf("trit %s\n", TRIT_VERSION);
    return 0;
}

#include "run/clock.h"

#include "testing.h"

#include <time.h>

static void goes_on(void **state) {
    (void)state;
    const struct timespec pause = {.tv_nsec = 20000000};
    double a = trit_clock(), b = trit_clock();
    assert_true(b >= a);
    nanosleep(&pause, NULL);
    double c = trit_clock();
    assert_true(c - b >= 0.019 && c - b < 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

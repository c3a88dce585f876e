#include "optim/state_map.h"

#include "testing.h"

/* CRC-32 as in zlib, bit by bit. */
static uint32_t crc32_of(const void *data, size_t n) {
    const unsigned char *p = data;
    uint32_t crc = ~0u;
    for (; n; n--) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void close_to(const float *is, const double *should, int n) {
    for (int i = 0; i < n; i++) assert_near(is[i], should[i], 2.5e-7 * fabs(should[i]));
}

static void signed_map(void **state) {
    (void)state;
    static const double first[] = {-0.992968738, -0.978906274, -0.96484375,  -0.950781226,
                                   -0.936718762, -0.922656238, -0.908593774, -0.89453125};
    static const double last[] = {0.908593774, 0.922656238, 0.936718762, 0.950781226,
                                  0.96484375,  0.978906274, 0.992968738, 1};
    static const double middle[] = {-8.875e-5, -6.625e-5, -4.375e-5, -2.125e-5, -7.75e-6, -3.25e-6,
                                    -5.5e-7,   0,         5.5e-7,    3.25e-6,   7.75e-6,  2.125e-5,
                                    4.375e-5,  6.625e-5,  8.875e-5,  1.5625e-4};
    float map[256];
    double sum = 0, sum_abs = 0, sum_sq = 0, weighted = 0;
    trit_state_map(8, true, map);
    close_to(map, first, 8);
    close_to(map + 248, last, 8);
    close_to(map + 120, middle, 16);
    for (int i = 0; i < 256; i++) {
        double x = (double)map[i];
        sum += x;
        sum_abs += fabs(x);
        sum_sq += x * x;
        weighted += (i + 1) * x;
    }
    assert_near(sum, 1, 1e-12);
    assert_near(sum_abs, 75.10526307, 1e-9);
    assert_near(sum_sq, 48.595837498, 1e-10);
    assert_near(weighted, 7780.6268528, 1e-10);
    assert_int_equal(crc32_of(map, sizeof map), 0xb66387ba);
}

static void unsigned_map(void **state) {
    (void)state;
    static const double first[] = {0,        3.25e-7,  7.75e-7,  2.125e-6,
                                   4.375e-6, 6.625e-6, 8.875e-6, 1.5625e-5};
    static const double last[] = {0.954296887, 0.961328149, 0.968359351, 0.975390613,
                                  0.982421875, 0.989453137, 0.996484399, 1};
    static const double middle[] = {0.0992968753, 0.103515625, 0.110546872};
    float map[256];
    double sum = 0, sum_sq = 0, weighted = 0;
    trit_state_map(8, false, map);
    close_to(map, first, 8);
    close_to(map + 248, last, 8);
    close_to(map + 126, middle, 3);
    for (int i = 0; i < 256; i++) {
        double x = (double)map[i];
        sum += x;
        sum_sq += x * x;
        weighted += (i + 1) * x;
    }
    assert_near(sum, 75.10526313, 1e-9);
    assert_near(sum_sq, 48.597451901, 1e-10);
    assert_near(weighted, 15342.556351, 1e-10);
    assert_int_equal(crc32_of(map, sizeof map), 0x603f8c47);
}

static void four_bits(void **state) {
    (void)state;
    static const double want[] = {-.8875, -.6625, -.4375, -.2125, -.0775, -.0325, -.0055, 0,
                                  .0055,  .0325,  .0775,  .2125,  .4375,  .6625,  .8875,  1};
    float map[16];
    trit_state_map(4, true, map);
    close_to(map, want, 16);
    trit_state_map(4, false, map);
    for (int k = 0; k < 16; k++) assert_true(map[k] == (float)(k + 1) / 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_map),
        cmocka_unit_test(unsigned_map),
        cmocka_unit_test(four_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

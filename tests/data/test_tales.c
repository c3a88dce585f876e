/* Tales: the same everywhere, readable back, and of exactly known probability. About 2 s. */
#include "data/tales.h"

#include "base/rng.h"
#include "data/tales_grammar.h"
#include "testing.h"

static char *story(uint64_t seed, uint64_t k, int64_t *n, double *nats) {
    trit_text t = {0};
    assert_int_equal(trit_tales_story(seed, k, &t, nats), TRIT_OK);
    *n = (int64_t)t.len;
    return t.at;
}

static void same_bytes_everywhere(void **state) {
    (void)state;
    trit_text all = {0};
    for (uint64_t k = 0; k < 1000; k++) {
        assert_int_equal(trit_tales_story(1, k, &all, NULL), TRIT_OK);
    }
    /* Changes with any change of the grammar: runs on other text are other experiments. */
    assert_int_equal(trit_hash64(all.at, all.len, 0), UINT64_C(0x70790673271629eb));
    trit_text_free(&all);
}

static void story_depends_on_seed_and_number_only(void **state) {
    (void)state;
    static const uint64_t key[][2] = {
        {1, 0}, {1, 1}, {2, 0}, {1, UINT64_C(1) << 32}, {UINT64_C(1) << 32 | 1, 0}};
    enum { N = 5 };
    char *text[N];
    int64_t n;
    for (int i = 0; i < N; i++) text[i] = story(key[i][0], key[i][1], &n, NULL);
    for (int i = N - 1; i >= 0; i--) {
        char *again = story(key[i][0], key[i][1], &n, NULL);
        assert_string_equal(again, text[i]);
        for (int j = 0; j < i; j++) assert_string_not_equal(again, text[j]);
        free(again);
    }
    for (int i = 0; i < N; i++) free(text[i]);
}

/* Every choice is read off its bytes (parse aborts where two options of a choice could be meant),
 * and the token probabilities multiply to the probability of the choices. */
static void stories_parse(void **state) {
    (void)state;
    double token[TRIT_TALES_MAX_TOKENS];
    for (uint64_t k = 0; k < 2500; k++) {
        int64_t n;
        double nats, sum = 0;
        char *text = story(3, k, &n, &nats);
        assert_int_equal(trit_tales_parse(text, n, token), n + 1);
        for (int64_t i = 0; i <= n; i++) {
            assert_true(token[i] >= 0);
            sum += token[i];
        }
        assert_near(sum, nats, 1e-10);
        free(text);
    }
}

/* Independent of how parse attributes: what may follow a beginning has probabilities of sum 1. */
static void next_byte_probabilities_sum_to_one(void **state) {
    (void)state;
    double token[TRIT_TALES_MAX_TOKENS + 1];
    char begin[TRIT_TALES_MAX_TOKENS + 1];
    for (uint64_t k = 0; k < 4; k++) {
        int64_t n;
        char *text = story(4, k, &n, NULL);
        for (int64_t at = (int64_t)k % 5; at <= n; at += 5) {
            memcpy(begin, text, (size_t)at);
            double sum = trit_tales_parse(begin, at, token) == at + 1 ? exp(-token[at]) : 0;
            for (int b = 1; b < 128; b++) { /* stories are ASCII */
                begin[at] = (char)b;
                if (trit_tales_parse(begin, at + 1, token) > at) sum += exp(-token[at]);
            }
            assert_near(sum, 1, 1e-12);
        }
        free(text);
    }
}

static void parse_finds_the_first_wrong_byte(void **state) {
    (void)state;
    for (uint64_t k = 0; k < 30; k++) {
        int64_t n;
        char *text = story(5, k, &n, NULL);
        for (int64_t at = 0; at < n; at += 7) {
            char was = text[at];
            text[at] = '#';
            assert_int_equal(trit_tales_parse(text, n, NULL), at);
            text[at] = '\0';
            assert_int_equal(trit_tales_parse(text, n, NULL), at);
            text[at] = was;
            /* Cut short; before a moral it may end as well, and end-of-text counts, too. */
            bool moral = at && strchr(".!", text[at - 1]) && was == ' ';
            assert_in_range(trit_tales_parse(text, at, NULL), at, at + moral);
        }
        text[n] = ' '; /* the NUL: one byte too many */
        assert_in_range(trit_tales_parse(text, n + 1, NULL), n, n + 1);
        text[n] = '#';
        assert_int_equal(trit_tales_parse(text, n + 1, NULL), n);
        free(text);
    }
    assert_int_equal(trit_tales_parse("", 0, NULL), 0);
}

/* Means over many stories agree with the recursion within three standard errors. */
static void entropy_is_exact(void **state) {
    (void)state;
    enum { N = 40000 };
    trit_tales_facts f = trit_tales_expect();
    double nats = 0, nats2 = 0, bytes = 0, bytes2 = 0;
    for (uint64_t k = 0; k < N; k++) {
        int64_t n;
        double v;
        free(story(6, k, &n, &v));
        assert_true(n <= f.longest);
        nats += v / N;
        nats2 += v * v / N;
        bytes += (double)n / N;
        bytes2 += (double)n * (double)n / N;
    }
    assert_true(fabs(nats - f.nats) < 3 * sqrt((nats2 - nats * nats) / N));
    assert_true(fabs(bytes - f.bytes) < 3 * sqrt((bytes2 - bytes * bytes) / N));
    assert_near(trit_tales_entropy_nats_per_token(), f.nats / (f.bytes + 1), 1e-15);
    assert_true(f.longest < TRIT_TALES_MAX_TOKENS);
    assert_true(f.bytes > 300 && f.bytes < 450);
    assert_true(f.repeat > 0 && f.repeat < 0x1p-70); /* no two equal stories in practice */
}

static void grammar_keeps_its_laws(void **state) {
    (void)state;
    for (int i = 1; i < trit_tales_n_rules; i++) {
        assert_true(strcmp(trit_tales_rules[i - 1].name, trit_tales_rules[i].name) < 0);
    }
    for (int i = 0; i < trit_tales_n_lists; i++) {
        const trit_tales_list *l = &trit_tales_lists[i];
        if (i) assert_true(strcmp(l[-1].name, l->name) < 0);
        assert_true(l->n >= 2 && l->n <= 64);
        bool names = !strcmp(l->name, "name");
        if (names) assert_int_equal(l->n % 2, 0); /* ~ leaves half of them */
        for (int a = 0; a < l->n; a++) {
            assert_true(!strchr(l->word[a], '|') == !strchr(l->word[0], '|'));
            for (int b = 0; b < a; b++) assert_string_not_equal(l->word[a], l->word[b]);
            if (l->first) assert_string_equal(l->word[a], trit_tales_numbers[l->first + a]);
        }
    }
    /* A variable is drawn from one list wherever it is drawn. */
    static struct { char var[16], list[16]; } drawn[200];
    int n_drawn = 0;
    for (int r = 0; r < trit_tales_n_rules; r++) {
        for (int o = 0; o < trit_tales_rules[r].n; o++) {
            const trit_tales_option *option = &trit_tales_rules[r].option[o];
            assert_true(option->weight > 0);
            for (const char *p = option->text; (p = strchr(p, '{')); p++) {
                char var[16], list[16];
                if (sscanf(p, "{%15[a-z0-9]=%15[a-z]", var, list) != 2) continue;
                int k = 0;
                while (k < n_drawn && strcmp(drawn[k].var, var)) k++;
                if (k < n_drawn) {
                    assert_string_equal(drawn[k].list, list);
                } else {
                    assert_true(n_drawn < 200);
                    snprintf(drawn[n_drawn].var, 16, "%s", var);
                    snprintf(drawn[n_drawn++].list, 16, "%s", list);
                }
            }
        }
    }
    assert_true(n_drawn > 20);
}

static bool vowel(char c) {
    return strchr("aeiou", c) && c;
}

static void english_is_sound(void **state) {
    (void)state;
    for (uint64_t k = 0; k < 3000; k++) {
        int64_t n;
        char *text = story(7, k, &n, NULL);
        int quotes = 0;
        assert_true(text[0] >= 'A' && text[0] <= 'Z');
        for (const char *p = text; *p; p++) {
            assert_true((*p >= ' ' && *p <= '~') || *p == '\n');
            quotes += *p == '"';
            if (*p == ' ') assert_true(p[1] && !strchr(" .,!?\n", p[1]));
            if (strchr(".!?", *p) && p[1] == ' ' && strncmp(p - 2, "Mr", 2) &&
                strncmp(p - 2, "Dr", 2)) {
                assert_false(p[2] >= 'a' && p[2] <= 'z'); /* a sentence begins with a capital */
            }
            if (!strncmp(p, " a ", 3)) assert_false(vowel(p[3]));
            if (!strncmp(p, " an ", 4)) assert_true(vowel(p[4]));
        }
        assert_int_equal(quotes % 2, 0);
        assert_true(strchr(".!", text[n - 1]));
        free(text);
    }
}

static int number(const char *word) {
    for (int i = 0; i < TRIT_TALES_N_NUMBERS; i++) {
        const char *w = trit_tales_numbers[i];
        if ((*word | 32) == *w && !strcmp(word + 1, w + 1)) return i;
    }
    return -1;
}

/* "Max had seven figs ... Max gave her two figs. ... "Five," Max said." */
static void sums_are_right(void **state) {
    (void)state;
    int seen = 0;
    for (uint64_t k = 0; k < 2000; k++) {
        int64_t n;
        char *text = story(8, k, &n, NULL), had[16], gave[16], left[16];
        const char *p = strstr(text, " had "), *q = p ? strstr(p, " gave h") : NULL;
        const char *r = q ? strstr(q, "left?\" ") : NULL;
        r = r ? strstr(r + 6, "\"") : NULL;
        if (r) {
            assert_int_equal(sscanf(p, " had %15[a-z]", had), 1);
            assert_int_equal(sscanf(q, " gave %*[a-z] %15[a-z]", gave), 1);
            assert_int_equal(sscanf(r, "\"%15[A-Za-z]", left), 1);
            assert_int_equal(number(had) - number(gave), number(left));
            seen++;
        }
        free(text);
    }
    assert_true(seen > 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_everywhere),
        cmocka_unit_test(story_depends_on_seed_and_number_only),
        cmocka_unit_test(stories_parse),
        cmocka_unit_test(next_byte_probabilities_sum_to_one),
        cmocka_unit_test(parse_finds_the_first_wrong_byte),
        cmocka_unit_test(entropy_is_exact),
        cmocka_unit_test(grammar_keeps_its_laws),
        cmocka_unit_test(english_is_sound),
        cmocka_unit_test(sums_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

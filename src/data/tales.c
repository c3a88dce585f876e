#include "data/tales.h"

#include "base/rng.h"
#include "data/tales_grammar.h"

#include <math.h>
#include <string.h>

/* ---- words ---- */

/* Text being written; never cut: a grammar that outgrows it is a bug. */
typedef struct sink {
    char at[TRIT_TALES_MAX_TOKENS];
    int n;
} sink;

static void emit(sink *out, const char *text, size_t n) {
    TRIT_ASSERT(out->n + n < sizeof out->at);
    memcpy(out->at + out->n, text, n);
    out->n += (int)n;
}

/* A piece of a template: text[n]. */
typedef struct piece {
    const char *text;
    size_t n;
} piece;

static bool is(piece p, const char *word) {
    return strlen(word) == p.n && !memcmp(p.text, word, p.n);
}

/* The name of a rule, list, variable or form at *p, which moves behind it. */
static piece name_at(const char **p) {
    const char *from = *p;
    *p += strcspn(from, "]}=+-!~:");
    return (piece){from, (size_t)(*p - from)};
}

/* Order of a piece and a word, as strcmp. */
static int order(piece p, const char *word) {
    int c = strncmp(p.text, word, p.n);
    return c ? c : -(word[p.n] != '\0');
}

static const trit_tales_rule *rule_named(piece name) {
    int lo = 0, hi = trit_tales_n_rules;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (order(name, trit_tales_rules[mid].name) > 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    TRIT_ASSERT(lo < trit_tales_n_rules && is(name, trit_tales_rules[lo].name));
    return &trit_tales_rules[lo];
}

static const trit_tales_list *list_named(piece name) {
    int lo = 0, hi = trit_tales_n_lists;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (order(name, trit_tales_lists[mid].name) > 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    TRIT_ASSERT(lo < trit_tales_n_lists && is(name, trit_tales_lists[lo].name));
    return &trit_tales_lists[lo];
}

/* Writes a word ("first|second"), or its pronoun if `he`, in a form. */
static void emit_word(sink *out, const char *word, bool he, piece form) {
    static const char *const pronoun[4][3] = {
        {"he", "she", "he"}, {"He", "She", "He"}, {"him", "her", "him"}, {"his", "her", "his"}};
    for (int i = 0; i < 4; i++) {
        if (is(form, pronoun[i][0])) {
            emit(out, pronoun[i][1 + he], strlen(pronoun[i][1 + he]));
            return;
        }
    }
    const char *bar = strchr(word, '|');
    piece p = {word, bar ? (size_t)(bar - word) : strlen(word)};
    if (is(form, "2") || is(form, "Cap2")) {
        TRIT_ASSERT(bar);
        p = (piece){bar + 1, strlen(bar + 1)};
    } else if (is(form, "a")) {
        if (strchr("aeiou", p.text[0])) {
            emit(out, "an ", 3);
        } else {
            emit(out, "a ", 2);
        }
    } else {
        TRIT_ASSERT(!form.n || is(form, "Cap"));
    }
    emit(out, p.text, p.n);
    if (form.n >= 3) { /* Cap, Cap2 */
        char *first = out->at + out->n - p.n;
        if (*first >= 'a' && *first <= 'z') *first = (char)(*first - 'a' + 'A');
    }
}

/* ---- the machine that writes a story ---- */

enum { MAX_DEPTH = 8, MAX_VARS = 32 };

typedef struct variable {
    piece name;
    const trit_tales_list *list;
    int word;
} variable;

typedef struct machine {
    const char *at[MAX_DEPTH]; /* rest of each template being expanded, outermost first */
    int depth;
    variable var[MAX_VARS];
    int n_vars;
} machine;

/* Where the machine stops: a choice among n options; n = 0 at the end of the story. */
typedef struct choice {
    const trit_tales_rule *rule; /* an option of a rule, or */
    const trit_tales_list *list; /* a word */
    uint64_t without;            /* bit i: word i may not be drawn */
    piece var, form;
    int n;
} choice;

static int choice_weight(const choice *c, int i) {
    return c->rule ? c->rule->option[i].weight : !(c->without >> i & 1);
}

static uint32_t choice_total(const choice *c) {
    uint32_t total = 0;
    for (int i = 0; i < c->n; i++) total += (uint32_t)choice_weight(c, i);
    return total;
}

static const variable *find(const machine *m, piece name) {
    for (int i = 0; i < m->n_vars; i++) {
        if (m->var[i].name.n == name.n && !memcmp(m->var[i].name.text, name.text, name.n)) {
            return &m->var[i];
        }
    }
    TRIT_ASSERT(!"a tale uses a word that it did not draw");
    return NULL;
}

static int number(const variable *v) {
    TRIT_ASSERT(v->list->first > 0);
    return v->list->first + v->word;
}

/* The parts of "{...}", without side effects. op: '=', '+', '-' or 0. */
typedef struct item {
    piece var, other, form;
    char op;
    const char *without; /* "!y!z", "~y" or what follows */
    const char *end;     /* behind the brace */
} item;

static item item_at(const char *p) {
    item it = {0};
    p++;
    it.var = name_at(&p);
    if (*p == '=' || *p == '+' || *p == '-') {
        it.op = *p++;
        it.other = name_at(&p);
    }
    it.without = p;
    while (*p == '!' || *p == '~') {
        p++;
        name_at(&p);
    }
    if (*p == ':') {
        p++;
        it.form = name_at(&p);
    }
    TRIT_ASSERT(it.var.n && *p == '}');
    it.end = p + 1;
    return it;
}

static choice draw_at(const machine *m, const item *it) {
    choice c = {.list = list_named(it->other), .var = it->var, .form = it->form};
    c.n = c.list->n;
    for (const char *p = it->without; *p == '!' || *p == '~';) {
        bool gender = *p++ == '~';
        const variable *v = find(m, name_at(&p));
        TRIT_ASSERT(v->list == c.list);
        c.without |=
            gender ? UINT64_C(0x5555555555555555) << (v->word & 1) : UINT64_C(1) << v->word;
    }
    return c;
}

/* Writes all that is certain, up to the next choice. */
static choice run(machine *m, sink *out) {
    while (m->depth) {
        const char *p = m->at[m->depth - 1];
        size_t plain = strcspn(p, "[{");
        emit(out, p, plain);
        p += plain;
        if (!*p) {
            m->depth--;
        } else if (*p == '[') {
            p++;
            const trit_tales_rule *rule = rule_named(name_at(&p));
            TRIT_ASSERT(*p == ']');
            m->at[m->depth - 1] = p + 1;
            return (choice){.rule = rule, .n = rule->n};
        } else {
            item it = item_at(p);
            m->at[m->depth - 1] = it.end;
            if (it.op == '=') return draw_at(m, &it);
            const variable *v = find(m, it.var);
            const char *word = v->list->word[v->word];
            if (it.op) {
                int other = number(find(m, it.other));
                int sum = number(v) + (it.op == '+' ? other : -other);
                TRIT_ASSERT(sum >= 0 && sum < TRIT_TALES_N_NUMBERS);
                word = trit_tales_numbers[sum];
            }
            emit_word(out, word, v->word & 1, it.form);
        }
    }
    return (choice){0};
}

static void take(machine *m, const choice *c, int i, sink *out) {
    if (c->rule) {
        TRIT_ASSERT(m->depth < MAX_DEPTH);
        m->at[m->depth++] = c->rule->option[i].text;
    } else {
        TRIT_ASSERT(m->n_vars < MAX_VARS);
        m->var[m->n_vars++] = (variable){c->var, c->list, i};
        emit_word(out, c->list->word[i], i & 1, c->form);
    }
}

static machine machine_start(void) {
    return (machine){.at = {"[story]"}, .depth = 1};
}

/* ---- writing ---- */

/* Exactly uniform in 0..n-1: values past the last multiple of n are drawn again. */
static uint32_t pick(const trit_rng *r, uint64_t *used, uint32_t n) {
    TRIT_ASSERT(n > 0);
    uint32_t spare = (uint32_t)((UINT64_C(1) << 32) % n);
    for (;;) {
        uint32_t v = trit_rng_bits(r, (*used)++);
        if (v <= UINT32_MAX - spare) return v % n;
    }
}

trit_status trit_tales_story(uint64_t seed, uint64_t k, trit_text *out, double *nats) {
    trit_rng r = {.seed = seed,
                  .stream = trit_hash32("data/tales"),
                  .sub = (uint32_t)(k >> 32),
                  .step = (uint32_t)k};
    uint64_t used = 0;
    machine m = machine_start();
    sink text;
    text.n = 0;
    double sum = 0;
    for (choice c = run(&m, &text); c.n; c = run(&m, &text)) {
        uint32_t total = choice_total(&c), left = pick(&r, &used, total);
        int i = 0;
        while (left >= (uint32_t)choice_weight(&c, i)) left -= (uint32_t)choice_weight(&c, i++);
        sum += log((double)total / choice_weight(&c, i));
        take(&m, &c, i, &text);
    }
    trit_text_add_bytes(out, text.at, (size_t)text.n);
    if (nats) *nats = sum;
    return out->failed ? TRIT_E_NOMEM : TRIT_OK;
}

/* ---- reading ---- */

/* Number of tokens of s (and an end-of-text behind it if `end`) that text[n_text] begins with. */
static int64_t common(const sink *s, bool end, const char *text, int64_t n_text) {
    int64_t i = 0;
    while (i < s->n && i < n_text && s->at[i] == text[i]) i++;
    return i + (i == s->n && i == n_text && end);
}

int64_t trit_tales_parse(const char *text, int64_t n, double *nats) {
    enum { MAX_OPTIONS = 64 };
    machine m = machine_start();
    sink s;
    int64_t at = 0;
    for (;;) {
        s.n = 0;
        choice c = run(&m, &s); /* what it writes was compared as part of the last option */
        if (!c.n) return at;
        int64_t same[MAX_OPTIONS], longest = 0, found_len = 0;
        int found = -1;
        double left = 0;
        TRIT_ASSERT(c.n <= MAX_OPTIONS);
        for (int i = 0; i < c.n; i++) {
            same[i] = -1;
            if (!choice_weight(&c, i)) continue;
            int depth = m.depth, n_vars = m.n_vars;
            bool end = false;
            s.n = 0;
            take(&m, &c, i, &s);
            same[i] = common(&s, end, text + at, n - at);
            if (same[i] == s.n) { /* so far; what follows for certain must fit, too */
                machine ahead = m;
                end = !run(&ahead, &s).n;
                same[i] = common(&s, end, text + at, n - at);
            }
            m.depth = depth;
            m.n_vars = n_vars;
            left += choice_weight(&c, i);
            if (same[i] > longest) longest = same[i];
            if (same[i] == s.n + end) {
                TRIT_ASSERT(found < 0);
                found = i;
                found_len = same[i];
            }
        }
        /* Law 1 of the grammar: no other option reaches as far as the one taken. */
        for (int i = 0; i < c.n; i++) TRIT_ASSERT(found < 0 || i == found || same[i] < found_len);
        for (int64_t t = 0; t < longest && nats; t++) {
            double still = 0;
            for (int i = 0; i < c.n; i++) still += same[i] > t ? choice_weight(&c, i) : 0;
            nats[at + t] = log(left / still);
            left = still;
        }
        at += longest;
        if (found < 0) return at;
        take(&m, &c, found, &s);
    }
}

/* ---- expectations ---- */

/* The list a variable is drawn from, the same wherever it is drawn (law 2). */
static const trit_tales_list *list_of(piece var) {
    for (int r = 0; r < trit_tales_n_rules; r++) {
        for (int o = 0; o < trit_tales_rules[r].n; o++) {
            const char *p = trit_tales_rules[r].option[o].text;
            while ((p = strchr(p, '{'))) {
                item it = item_at(p);
                p = it.end;
                if (it.op == '=' && it.var.n == var.n && !memcmp(it.var.text, var.text, var.n)) {
                    return list_named(it.other);
                }
            }
        }
    }
    TRIT_ASSERT(!"a tale uses a word that no rule draws");
    return NULL;
}

/* Mean and greatest length of what an item writes: a word of a list, or the sum or difference of
 * words of two lists. Every word is equally likely by symmetry, whatever a draw excluded. */
static double item_bytes(const item *it, int *longest) {
    const trit_tales_list *a = it->op == '=' ? list_named(it->other) : list_of(it->var);
    bool sums = it->op == '+' || it->op == '-';
    const trit_tales_list *b = sums ? list_of(it->other) : NULL;
    int64_t bytes = 0;
    sink s;
    *longest = 0;
    for (int i = 0; i < a->n; i++) {
        for (int j = 0; j < (b ? b->n : 1); j++) {
            s.n = 0;
            const char *word = a->word[i];
            if (b) {
                int y = b->first + j;
                word = trit_tales_numbers[a->first + i + (it->op == '+' ? y : -y)];
            }
            emit_word(&s, word, i & 1, it->form);
            bytes += s.n;
            if (s.n > *longest) *longest = s.n;
        }
    }
    return (double)bytes / (a->n * (b ? b->n : 1));
}

static trit_tales_facts expect_text(const char *p);

static trit_tales_facts expect_rule(const trit_tales_rule *rule) {
    double total = 0;
    for (int i = 0; i < rule->n; i++) total += rule->option[i].weight;
    trit_tales_facts sum = {0};
    for (int i = 0; i < rule->n; i++) {
        double p = rule->option[i].weight / total;
        trit_tales_facts f = expect_text(rule->option[i].text);
        sum.nats += p * (f.nats - log(p));
        sum.bytes += p * f.bytes;
        sum.repeat += p * p * f.repeat;
        if (f.longest > sum.longest) sum.longest = f.longest;
    }
    return sum;
}

static trit_tales_facts expect_text(const char *p) {
    trit_tales_facts sum = {.repeat = 1};
    while (*p) {
        size_t plain = strcspn(p, "[{");
        p += plain;
        sum.bytes += (double)plain;
        sum.longest += (int)plain;
        if (*p == '[') {
            p++;
            trit_tales_facts f = expect_rule(rule_named(name_at(&p)));
            p++;
            sum.nats += f.nats;
            sum.bytes += f.bytes;
            sum.repeat *= f.repeat;
            sum.longest += f.longest;
        } else if (*p == '{') {
            item it = item_at(p);
            p = it.end;
            int longest;
            sum.bytes += item_bytes(&it, &longest);
            sum.longest += longest;
            if (it.op != '=') continue;
            int n = list_named(it.other)->n;
            for (const char *w = it.without; *w == '!' || *w == '~';) {
                n = *w++ == '~' ? n / 2 : n - 1;
                name_at(&w);
            }
            sum.nats += log(n);
            sum.repeat /= n;
        }
    }
    return sum;
}

trit_tales_facts trit_tales_expect(void) {
    return expect_text("[story]");
}

double trit_tales_entropy_nats_per_token(void) {
    trit_tales_facts f = trit_tales_expect();
    return f.nats / (f.bytes + 1);
}

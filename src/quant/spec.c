#include "quant/spec.h"

#include "base/text.h"
#include "quant/form.h"
#include "quant/quant_list.h"
#include "quant/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X(row, word) extern const trit_grid trit_grid_##row;
TRIT_GRID_LIST(X)
#undef X
#define X(row, word) extern const trit_scale_rule trit_scale_##row;
TRIT_SCALE_LIST(X)
#undef X
#define X(row, word) extern const trit_estimator trit_estimator_##row;
TRIT_ESTIMATOR_LIST(X)
#undef X

const trit_grid *const trit_grids[] = {
#define X(row, word) &trit_grid_##row,
    TRIT_GRID_LIST(X)
#undef X
        NULL};
const trit_scale_rule *const trit_scales[] = {
#define X(row, word) &trit_scale_##row,
    TRIT_SCALE_LIST(X)
#undef X
        NULL};
const trit_estimator *const trit_estimators[] = {
#define X(row, word) &trit_estimator_##row,
    TRIT_ESTIMATOR_LIST(X)
#undef X
        NULL};

#define X(row, word) word,
const char *const trit_grid_names[] = {TRIT_GRID_LIST(X) NULL};
const char *const trit_scale_names[] = {TRIT_SCALE_LIST(X) NULL};
const char *const trit_estimator_names[] = {TRIT_ESTIMATOR_LIST(X) NULL};
#undef X
const char *const trit_granularity_names[TRIT_N_GRANULARITY + 1] = {
#define X(name, doc) #name,
    TRIT_GRANULARITY_LIST(X)
#undef X
        NULL};
const char *const trit_granularity_docs[TRIT_N_GRANULARITY + 1] = {
#define X(name, doc) doc,
    TRIT_GRANULARITY_LIST(X)
#undef X
        NULL};

/* In place: a struct passed by value may lose what its padding held. */
static void hold(trit_schedule *s, double value) {
    memset(s, 0, sizeof *s);
    s->shape = TRIT_SHAPE_hold;
    s->from = s->to = value;
}

static int count(const char *const *names) {
    int n = 0;
    while (names[n]) n++;
    return n;
}

static int find(const char *const *names, const char *word) {
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], word) == 0) return i;
    }
    return -1;
}

const trit_knob *trit_spec_knobs(const trit_spec *sp, trit_knob_axis axis) {
    switch (axis) {
    case TRIT_KNOB_GRID:
        return trit_grids[sp->grid]->knob;
    case TRIT_KNOB_SCALE:
        return trit_scales[sp->scale]->knob;
    case TRIT_KNOB_ESTIMATOR:
        return trit_estimators[sp->estimator]->knob;
    default:
        return trit_forms[sp->form]->knob;
    }
}

static void reset_knobs(trit_spec *sp, trit_knob_axis axis) {
    const trit_knob *k = trit_spec_knobs(sp, axis);
    for (int i = 0; i < TRIT_MAX_KNOB; i++) {
        bool here = k && k->name;
        hold(&sp->knob[axis][i], here ? k->dflt : 0);
        if (here) k++;
    }
}

void trit_spec_reset_knobs(trit_spec *sp) {
    for (int axis = 0; axis < TRIT_N_KNOB_AXIS; axis++) reset_knobs(sp, (trit_knob_axis)axis);
}

trit_spec trit_spec_off(void) {
    trit_spec sp;
    memset(&sp, 0, sizeof sp); /* padding too: specs are compared as bytes */
    return sp;
}

bool trit_spec_equal(const trit_spec *a, const trit_spec *b) {
    /* Specs are zeroed, padding too, before they are filled. */
    return memcmp(a, b, sizeof *a) == 0; /* NOLINT(bugprone-suspicious-memory-comparison) */
}

trit_granularity trit_spec_granularity(trit_quant_kind kind, int scale) {
    if (kind == TRIT_QUANT_WEIGHT || trit_scales[scale]->learned) return TRIT_GRANULARITY_tensor;
    return TRIT_GRANULARITY_token;
}

trit_spec trit_spec_make(trit_quant_kind kind, int grid) {
    trit_spec sp = trit_spec_off();
    const trit_grid *row = trit_grids[grid];
    sp.on = true;
    sp.grid = grid;
    /* Few levels: a mean magnitude; many: the largest, so that nothing is clipped. */
    const char *scale = row->bits_default <= 2 ? "absmean" : "absmax";
    sp.scale = find(trit_scale_names, row->scale ? row->scale : scale);
    sp.granularity = trit_spec_granularity(kind, sp.scale);
    sp.group = 128;
    sp.block = 128;
    sp.bits = row->bits_default;
    sp.is_signed = row->sign != TRIT_SIGN_NONE;
    sp.eps = 1e-5;
    hold(&sp.lambda, 1);
    trit_spec_reset_knobs(&sp);
    return sp;
}

trit_spec trit_spec_make_form(trit_quant_kind kind, int form) {
    trit_spec sp = trit_spec_off();
    const trit_form *row = trit_forms[form];
    sp.on = true;
    sp.form = form;
    sp.granularity = row->granularity;
    if (kind == TRIT_QUANT_ACTIVATION) {
        if (row->granularity == TRIT_GRANULARITY_row) sp.granularity = TRIT_GRANULARITY_token;
        if (trit_form_learns_by_group(row)) sp.granularity = TRIT_GRANULARITY_tensor;
    }
    sp.group = row->group ? row->group : 128;
    sp.block = 128;
    sp.bits = row->bits_default;
    sp.is_signed = true;
    sp.eps = 1e-5;
    hold(&sp.lambda, 1);
    trit_spec_reset_knobs(&sp);
    return sp;
}

/* The whole number that text is, up to 9 digits; -1 when it is none. */
static int64_t digits(const char *text) {
    size_t n = strspn(text, "0123456789");
    return n && n < 10 && !text[n] ? strtol(text, NULL, 10) : -1;
}

/* The grid whose name, the longest there is, begins the word; the rest is *bits, -1 for nothing.
 * Returns the grid or -1. */
static int grid_of(const char *word, int64_t *bits) {
    int best = -1;
    size_t longest = 0;
    for (int i = 0; trit_grid_names[i]; i++) {
        size_t n = strlen(trit_grid_names[i]);
        if (n <= longest || strncmp(word, trit_grid_names[i], n) != 0) continue;
        int64_t b = word[n] ? digits(word + n) : -1;
        if (word[n] && b < 0) continue;
        best = i;
        longest = n;
        *bits = b;
    }
    return best;
}

/* "e4m3" is grid float with an exponent of 4 bits in 8. */
static bool float_word(const char *word, int64_t *bits, int *exponent) {
    if (strlen(word) != 4 || word[0] != 'e' || word[2] != 'm') return false;
    if (word[1] < '1' || word[1] > '7' || word[3] < '0' || word[3] > '6') return false;
    *exponent = word[1] - '0';
    *bits = 1 + *exponent + (word[3] - '0');
    return true;
}

/* First word of a short form: sp becomes that grid with its defaults. "int4" is grid int with 4
 * bits, "uint4" its unsigned form. */
static bool grid_word(trit_spec *sp, trit_quant_kind kind, const char *word) {
    int64_t bits = -1;
    int exponent = 0, grid = grid_of(word, &bits);
    bool without_sign = grid < 0 && word[0] == 'u';
    if (without_sign) {
        grid = grid_of(word + 1, &bits);
        if (grid >= 0 && trit_grids[grid]->sign != TRIT_SIGN_CHOICE) grid = -1;
    }
    if (grid < 0 && float_word(word, &bits, &exponent)) grid = find(trit_grid_names, "float");
    if (grid < 0) return false;
    *sp = trit_spec_make(kind, grid);
    if (bits >= 0) sp->bits = bits;
    if (without_sign) sp->is_signed = false;
    if (exponent) hold(&sp->knob[TRIT_KNOB_GRID][0], exponent);
    return true;
}

/* A form's name, with its bits behind it or not; -1 when it is none. "axes" is no word. */
static int form_word(const char *word, int64_t *bits) {
    *bits = -1;
    int whole = find(trit_form_names, word);
    if (whole > 0) return whole;
    size_t letters = strcspn(word, "0123456789");
    char name[32];
    if (!word[letters] || (*bits = digits(word + letters)) < 0) return -1;
    snprintf(name, sizeof name, "%.*s", (int)letters, word);
    int form = find(trit_form_names, name);
    return form > 0 ? form : -1;
}

/* part: which words stand where this one does. */
static trit_status bad_word(const char *text, const char *word, const char *part,
                            const char *const *words, int n, trit_error *e) {
    char list[700];
    const char *near = trit_text_nearest(word, words, n);
    return TRIT_FAIL(
        e, E_CONFIG,
        "quantizer \"%s\": unknown word \"%s\"%s%s%s (a quantizer is \"none\", or a grid or a "
        "form, "
        "then a scale rule, a granularity, an estimator and a transform, joined by '-'; bits and "
        "sizes follow the word, as in int4-absmax-group64; %s: %s)",
        text, word, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", part,
        trit_text_join(list, sizeof list, words, n));
}

static trit_status bad_first(const char *text, const char *word, trit_error *e) {
    const char *words[192];
    int n = 0;
    for (int i = 0; i < count(trit_grid_names) && n < 64; i++) words[n++] = trit_grid_names[i];
    for (int i = 1; trit_form_names[i] && n < 192; i++) words[n++] = trit_form_names[i];
    return bad_word(text, word, "the first word is one of", words, n, e);
}

static trit_status bad_later(const char *text, const char *word, trit_error *e) {
    const char *words[192];
    int n = 0;
    for (int i = 0; i < count(trit_scale_names) && n < 64; i++) words[n++] = trit_scale_names[i];
    for (int i = 0; i < TRIT_N_GRANULARITY; i++) words[n++] = trit_granularity_names[i];
    for (int i = 0; trit_estimator_names[i] && n < 160; i++) words[n++] = trit_estimator_names[i];
    for (int i = 1; trit_transform_names[i] && n < 192; i++) words[n++] = trit_transform_names[i];
    return bad_word(text, word, "words after the first", words, n, e);
}

/* Axes whose words follow the grid or form. */
typedef enum {
    WORD_SCALE,
    WORD_GRANULARITY,
    WORD_ESTIMATOR,
    WORD_TRANSFORM,
    N_WORD_AXIS
} word_axis;
typedef struct word {
    word_axis axis;
    int row;      /* -1: no word of any axis */
    size_t len;   /* characters, with the number behind the name */
    int64_t size; /* that number, -1 for none */
} word;

/* The longest word that `at` begins with: names of estimators and transforms may hold a '-'. */
static word word_at(const char *at) {
    const char *const *const names[N_WORD_AXIS] = {trit_scale_names, trit_granularity_names,
                                                   trit_estimator_names, trit_transform_names};
    word best = {.row = -1};
    for (int axis = 0; axis < N_WORD_AXIS; axis++) {
        /* transform "none" is no word: it would read as if nothing were quantized */
        for (int i = axis == WORD_TRANSFORM; names[axis][i]; i++) {
            size_t n = strlen(names[axis][i]);
            if (strncmp(at, names[axis][i], n) != 0) continue;
            size_t n_digit = strspn(at + n, "0123456789");
            bool sized =
                axis == WORD_TRANSFORM || (axis == WORD_GRANULARITY && i == TRIT_GRANULARITY_group);
            if (n_digit && (!sized || n_digit > 9)) continue;
            if ((at[n + n_digit] && at[n + n_digit] != '-') || n + n_digit <= best.len) continue;
            best = (word){(word_axis)axis, i, n + n_digit, -1};
            if (n_digit) best.size = strtol(at + n, NULL, 10);
        }
    }
    return best;
}

/* Words after the first, joined by '-'. *scale, *gran: what was named, else -1. */
static trit_status axis_words(trit_spec *sp, const char *text, const char *at, int *scale,
                              int *gran, trit_error *e) {
    static const char *const axis_names[] = {"scale rule", "granularity", "estimator", "transform"};
    int named[N_WORD_AXIS] = {-1, -1, -1, -1};
    while (at) {
        word w = word_at(at);
        char own[128];
        size_t len = w.row < 0 ? strcspn(at, "-") : w.len;
        snprintf(own, sizeof own, "%.*s", (int)len, at);
        if (w.row < 0) return bad_later(text, own, e);
        if (named[w.axis] >= 0) {
            return TRIT_FAIL(e, E_CONFIG, "quantizer \"%s\": \"%s\" is a second %s", text, own,
                             axis_names[w.axis]);
        }
        if (sp->form && (w.axis == WORD_SCALE || w.axis == WORD_ESTIMATOR)) {
            return TRIT_FAIL(e, E_CONFIG, "quantizer \"%s\": %s is one piece and has no %s", text,
                             trit_form_names[sp->form], axis_names[w.axis]);
        }
        named[w.axis] = w.row;
        if (w.size >= 0 && w.axis == WORD_GRANULARITY) sp->group = w.size;
        if (w.size >= 0 && w.axis == WORD_TRANSFORM) sp->block = w.size;
        at = at[w.len] ? at + w.len + 1 : NULL;
    }
    if (named[WORD_ESTIMATOR] >= 0) sp->estimator = named[WORD_ESTIMATOR];
    if (named[WORD_TRANSFORM] >= 0) sp->transform = named[WORD_TRANSFORM];
    *scale = named[WORD_SCALE];
    *gran = named[WORD_GRANULARITY];
    return TRIT_OK;
}

trit_status trit_spec_parse(trit_spec *sp, trit_quant_kind kind, const char *text, trit_error *e) {
    *sp = trit_spec_off();
    if (strcmp(text, "none") == 0) return TRIT_OK;
    char buf[128];
    if (strlen(text) >= sizeof buf) {
        return TRIT_FAIL(e, E_CONFIG, "quantizer \"%.40s...\": too long", text);
    }
    snprintf(buf, sizeof buf, "%s", text);
    char *rest = strchr(buf, '-');
    if (rest) *rest++ = '\0';
    int64_t bits;
    int scale = -1, gran = -1, form = form_word(buf, &bits);
    if (form > 0) {
        *sp = trit_spec_make_form(kind, form);
        if (bits >= 0) sp->bits = bits;
    } else if (!grid_word(sp, kind, buf)) {
        return bad_first(text, buf, e);
    }
    TRIT_TRY(axis_words(sp, text, rest, &scale, &gran, e));
    if (scale >= 0) sp->scale = scale;
    if (gran >= 0) {
        sp->granularity = (trit_granularity)gran;
    } else if (!sp->form) {
        sp->granularity = trit_spec_granularity(kind, sp->scale);
    }
    reset_knobs(sp, TRIT_KNOB_SCALE);
    reset_knobs(sp, TRIT_KNOB_ESTIMATOR);
    return trit_spec_check(sp, kind, e);
}

static trit_status check_sharing(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    if (kind == TRIT_QUANT_WEIGHT && sp->granularity == TRIT_GRANULARITY_token) {
        return TRIT_FAIL(e, E_CONFIG,
                         "granularity: weights have no tokens; use \"row\" for a scale per output");
    }
    if (kind == TRIT_QUANT_ACTIVATION && sp->granularity == TRIT_GRANULARITY_row) {
        return TRIT_FAIL(
            e, E_CONFIG,
            "granularity: activations have tokens where weights have rows; use \"token\"");
    }
    if (sp->granularity == TRIT_GRANULARITY_group && sp->group < 1) {
        return TRIT_FAIL(e, E_CONFIG, "group: found %lld, expected at least 1",
                         (long long)sp->group);
    }
    bool learns = sp->form ? trit_form_learns_by_group(trit_forms[sp->form])
                           : trit_scales[sp->scale]->learned;
    if (kind == TRIT_QUANT_ACTIVATION && learns && sp->granularity != TRIT_GRANULARITY_tensor) {
        return TRIT_FAIL(e, E_CONFIG,
                         "granularity: a learned step per %s would belong to one position of one "
                         "batch; learned steps of activations are per tensor",
                         trit_granularity_names[sp->granularity]);
    }
    return TRIT_OK;
}

static trit_status check_form(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    const trit_form *f = trit_forms[sp->form];
    if (sp->bits_at.shape != TRIT_SHAPE_hold) {
        return TRIT_FAIL(e, E_CONFIG, "bits: a schedule of bits is for grid int; found form %s",
                         f->name);
    }
    if (!(kind == TRIT_QUANT_WEIGHT ? f->weights : f->activations)) {
        return TRIT_FAIL(e, E_CONFIG, "form: %s is for %s", f->name,
                         kind == TRIT_QUANT_WEIGHT ? "activations, not weights"
                                                   : "weights, not activations");
    }
    if (sp->bits < f->bits_min || sp->bits > f->bits_max) {
        return TRIT_FAIL(e, E_CONFIG, "bits: found %lld, but %s has %d..%d", (long long)sp->bits,
                         f->name, f->bits_min, f->bits_max);
    }
    if (sp->granularity == TRIT_GRANULARITY_tensor && trit_form_learns_by_column(f)) {
        return TRIT_FAIL(e, E_CONFIG,
                         "granularity: %s learns a number for each column, so it goes row by row; "
                         "use \"%s\"",
                         f->name, kind == TRIT_QUANT_WEIGHT ? "row" : "token");
    }
    return TRIT_OK;
}

static trit_status check_sign(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    const trit_grid *grid = trit_grids[sp->grid];
    if (sp->narrow && (!sp->is_signed || strcmp(grid->name, "int") != 0)) {
        return TRIT_FAIL(e, E_CONFIG,
                         "narrow: only the signed integer grid has a lowest level to drop");
    }
    if (!sp->is_signed && grid->sign == TRIT_SIGN_BOTH) {
        return TRIT_FAIL(e, E_CONFIG, "signed: grid %s is symmetric about zero", grid->name);
    }
    if (sp->is_signed && grid->sign == TRIT_SIGN_NONE) {
        return TRIT_FAIL(e, E_CONFIG, "signed: grid %s has no levels below zero; use false",
                         grid->name);
    }
    if (!sp->is_signed && kind == TRIT_QUANT_WEIGHT) {
        return TRIT_FAIL(e, E_CONFIG,
                         "signed: weights have both signs, an unsigned grid would drop half of "
                         "them");
    }
    return TRIT_OK;
}

trit_status trit_spec_check(const trit_spec *sp, trit_quant_kind kind, trit_error *e) {
    if (!sp->on) return TRIT_OK;
    TRIT_TRY(check_sharing(sp, kind, e));
    TRIT_TRY(trit_spec_check_transform(sp, kind, e));
    if (sp->form) return check_form(sp, kind, e);
    const trit_grid *grid = trit_grids[sp->grid];
    if (sp->bits < grid->bits_min || sp->bits > grid->bits_max) {
        return TRIT_FAIL(e, E_CONFIG, "bits: found %lld, but grid %s has %d..%d",
                         (long long)sp->bits, grid->name, grid->bits_min, grid->bits_max);
    }
    TRIT_TRY(check_sign(sp, kind, e));
    if (sp->bits_at.shape != TRIT_SHAPE_hold) {
        if (strcmp(grid->name, "int") != 0) {
            return TRIT_FAIL(e, E_CONFIG,
                             "bits: a schedule of bits is for grid int, whose levels it adds or "
                             "takes away; found grid %s",
                             grid->name);
        }
        if (sp->bits_at.from < grid->bits_min || sp->bits_at.from > grid->bits_max) {
            return TRIT_FAIL(e, E_CONFIG, "bits: found %g at first, but grid %s has %d..%d",
                             sp->bits_at.from, grid->name, grid->bits_min, grid->bits_max);
        }
    }
    for (int i = 0; grid->knob && grid->knob[i].name; i++) {
        if (sp->knob[TRIT_KNOB_GRID][i].shape == TRIT_SHAPE_hold) continue;
        return TRIT_FAIL(e, E_CONFIG,
                         "%s: a knob of a grid says which levels exist, and holds still; give it a "
                         "number, not a schedule",
                         grid->knob[i].name);
    }
    const trit_scale_rule *scale = trit_scales[sp->scale];
    const trit_estimator *est = trit_estimators[sp->estimator];
    if (grid->fits) TRIT_TRY(grid->fits(sp, kind, e));
    if (scale->fits) TRIT_TRY(scale->fits(sp, kind, e));
    return est->fits ? est->fits(sp, kind, e) : TRIT_OK;
}

int trit_spec_storage_bits(const trit_spec *sp) {
    if (!sp->on) return 32;
    if (sp->form) return (int)sp->bits;
    int bits = 1, n = trit_grids[sp->grid]->levels(sp, NULL, 0);
    while (1 << bits < n) bits++;
    return bits;
}

/* " hadamard128" into buf[24]; "" for no transform. */
static const char *transform_text(const trit_spec *sp, char buf[24]) {
    const trit_transform *t = trit_transforms[sp->transform];
    if (!sp->transform) return "";
    snprintf(buf, 24, t->blocked ? " %s%d" : " %s", t->name, (int)sp->block);
    return buf;
}

char *trit_spec_text(const trit_spec *sp, char buf[96]) {
    if (!sp->on) {
        snprintf(buf, 96, "none");
        return buf;
    }
    char grid[32], gran[24], transform[24];
    if (sp->form) {
        const trit_form *f = trit_forms[sp->form];
        bool many = f->bits_min != f->bits_max,
             grouped_form = sp->granularity == TRIT_GRANULARITY_group;
        snprintf(grid, sizeof grid, many ? "%s%d" : "%s", f->name, (int)sp->bits);
        snprintf(gran, sizeof gran, grouped_form ? "%s%d" : "%s",
                 trit_granularity_names[sp->granularity], (int)sp->group);
        snprintf(buf, 96, "%s-%s%s", grid, gran, transform_text(sp, transform));
        return buf;
    }
    const trit_grid *row = trit_grids[sp->grid];
    bool sized = row->bits_min != row->bits_max;
    bool without_sign = row->sign == TRIT_SIGN_CHOICE && !sp->is_signed;
    snprintf(grid, sizeof grid, sized ? "%s%s%d" : "%s%s", without_sign ? "u" : "", row->name,
             (int)sp->bits);
    if (strcmp(row->name, "float") == 0) {
        int exponent, mantissa;
        trit_float_shape(sp, &exponent, &mantissa);
        snprintf(grid, sizeof grid, "e%dm%d", exponent, mantissa);
    }
    bool grouped = sp->granularity == TRIT_GRANULARITY_group;
    snprintf(gran, sizeof gran, grouped ? "%s%d" : "%s", trit_granularity_names[sp->granularity],
             (int)sp->group);
    snprintf(buf, 96, "%s-%s-%s %s%s", grid, trit_scale_names[sp->scale], gran,
             trit_estimator_names[sp->estimator], transform_text(sp, transform));
    return buf;
}

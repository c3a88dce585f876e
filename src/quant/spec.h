/* What a quantizer is: independent axes, each a list of rows. A spec is pure data (what a config
 * says); quant.h binds it to a tensor.
 *
 * Letters: x input, s scale (step size), z zero point, u = x/s + z position on the grid, q level or
 * integer code, y = s*(q - z) fake-quantized value, g = dL/dy, d stand-in for dq/du, lo hi
 * outermost levels. A group is a run of n contiguous elements that share one scale. */
#ifndef TRIT_QUANT_SPEC_H
#define TRIT_QUANT_SPEC_H

#include "base/real.h"
#include "base/rng.h"
#include "base/schedule.h"
#include "kernel/kernel.h"

#include <stdbool.h>
#include <stdint.h>

enum { TRIT_MAX_KNOB = 4, TRIT_MAX_MEASURE = 4 };

typedef struct trit_spec trit_spec;
struct trit_graph;
struct trit_node;
typedef enum { TRIT_QUANT_WEIGHT, TRIT_QUANT_ACTIVATION } trit_quant_kind;

/* A number of a row that a config may set or schedule. A table of them ends with name NULL. */
typedef struct trit_knob {
    const char *name;
    double dflt, lo, hi; /* lo, hi inclusive */
    const char *doc;
} trit_knob;

/* One run of at most TRIT_QUANT_SPAN elements of one group, in grid units. */
typedef struct trit_span {
    const trit_spec *spec;
    int64_t n;
    const trit_real *x;     /* input */
    const trit_real *u;     /* position on the grid, x/s + z */
    const trit_real *q;     /* chosen level */
    const trit_real *g;     /* incoming gradient dL/dy */
    trit_real s, z;         /* the group's scale and zero point */
    trit_real lo, hi;       /* outermost levels */
    const trit_real *level; /* [n_level] all levels of the grid, rising */
    int n_level;
    const trit_real *knob;  /* this row's knobs after schedules */
    trit_rng rng;           /* stream of the quantizer; draw element `first + i` */
    uint64_t first;         /* index of element 0 within the tensor */
    const trit_real *noise; /* numbers to use in place of rng, [n], or NULL (trit probe) */
} trit_span;
enum { TRIT_QUANT_SPAN = 1024, TRIT_MAX_LEVEL = 256 };

/* What every row says about itself: `doc` a line, `cite` authors, year and arXiv id, `formula` the
 * computation in plain text (lines parted by \n), `pitfall` what to look out for; all but name and
 * doc may be NULL. */

/* Refuses what a row cannot be combined with, by name and with the reason; NULL: all is well. */
typedef trit_status (*trit_row_fits)(const trit_spec *sp, trit_quant_kind kind, trit_error *e);

/* Whether a grid has levels on both sides of zero. */
typedef enum {
    TRIT_SIGN_BOTH,   /* always */
    TRIT_SIGN_CHOICE, /* as spec.is_signed says */
    TRIT_SIGN_NONE    /* never: no level below zero */
} trit_sign;

/* Axis 1: which levels exist. Knobs of grids hold still, since stored codes depend on them. */
typedef struct trit_grid {
    const char *name, *doc, *cite, *formula, *pitfall;
    const trit_knob *knob;
    int bits_min, bits_max, bits_default; /* legal `bits` */
    trit_sign sign;
    const char *scale; /* default scale rule; NULL: absmean for few levels, else absmax */
    /* Whole-number levels lo..hi, each one legal: kernels may round and clip. */
    bool uniform;
    /* A code is the index of its level, an uint8_t; else it is the level, which is whole. */
    bool indexed;
    void (*bounds)(const trit_spec *sp, trit_real *lo, trit_real *hi);
    void (*project)(const trit_span *a, trit_real *q);
    /* All levels in rising order into out[cap]; returns how many there are, at most
     * TRIT_MAX_LEVEL. */
    int (*levels)(const trit_spec *sp, trit_real *out, int cap);
    /* Step that fits normal data of root mean square 1 best; NULL or 0: not known. */
    double (*normal_step)(const trit_spec *sp);
    trit_row_fits fits;
} trit_grid;

/* Axis 2: how a group gets its scale. */
typedef enum {
    TRIT_MEASURE_NONE,
    TRIT_MEASURE_SUM,
    TRIT_MEASURE_MAX,
    TRIT_MEASURE_MIXED,
    TRIT_MEASURE_WHOLE
} trit_measure;
typedef struct trit_scale_rule {
    const char *name, *doc, *cite, *formula, *pitfall;
    const trit_knob *knob;
    bool learned; /* the scale is a parameter; `finish` gives its first value */
    /* How the measures of a group's parts combine: element-wise sum or maximum, in fixed order.
     * NONE: no look at the data. MIXED: m[0] is a maximum, the others are sums. WHOLE: `measure`
     * needs the group at once and a copy to work in. */
    trit_measure combine;
    /* Measures n elements into m[TRIT_MAX_MEASURE]; work holds n reals for WHOLE, else NULL. */
    void (*measure)(const trit_kernels *k, int64_t n, const trit_real *x, trit_real *work,
                    double *m);
    /* Scale of a group of n elements from its measures, guarded against zero by spec.eps. knob:
     * this row's, after schedules. */
    double (*finish)(const trit_spec *sp, const trit_real *knob, const double *m, int64_t n,
                     double lo, double hi);
    /* Factor on dL/ds before the optimizer sees it, for learned scales. n: elements of a group,
     * n_all: of the tensor. */
    double (*grad_scale)(const trit_real *knob, int64_t n, int64_t n_all, double hi);
    trit_row_fits fits;
} trit_scale_rule;

/* Axis 3: who shares a scale. token is row for activations, where rows are tokens. */
#define TRIT_GRANULARITY_LIST(X)                                   \
    X(tensor, "one scale for the whole tensor")                    \
    X(row, "a scale for each row of a weight matrix (one output)") \
    X(token, "a scale for each token (row of a layer's input)")    \
    X(group, "a scale for each run of `group` elements of a row")
typedef enum {
#define X(name, doc) TRIT_GRANULARITY_##name,
    TRIT_GRANULARITY_LIST(X)
#undef X
        TRIT_N_GRANULARITY
} trit_granularity;
extern const char *const trit_granularity_names[TRIT_N_GRANULARITY + 1];
extern const char *const trit_granularity_docs[TRIT_N_GRANULARITY + 1];

/* Axis 4: the basis in which the rest works. Made of ordinary nodes, so that it differentiates
 * itself; what quantizes sees the transformed tensor. */
typedef struct trit_transform {
    const char *name, *doc, *cite, *formula, *pitfall;
    bool blocked; /* works on blocks of spec.block elements of a row */
    /* The result lies in the other basis, where only a product with an operand that does too has a
     * meaning: see trit_spec_check_pair. */
    bool moves;
    /* Nodes before and after the quantizer; NULL: none. block divides the rows of x. */
    struct trit_node *(*apply)(struct trit_graph *g, struct trit_node *x, int64_t block);
    struct trit_node *(*undo)(struct trit_graph *g, struct trit_node *y, int64_t block);
    trit_row_fits fits;
} trit_transform;

/* Axis 5: the stand-in for dq/du. check says how tests prove it:
 * FROZEN by differences with the rounding residual held; SURROGATE against `soft`; ORACLE against
 * the published formula (gradient-dependent estimators are no derivative of any function). */
typedef enum {
    TRIT_CHECK_NONE,
    TRIT_CHECK_FROZEN,
    TRIT_CHECK_SURROGATE,
    TRIT_CHECK_ORACLE
} trit_check;
typedef struct trit_estimator {
    const char *name, *doc, *cite, *formula, *pitfall;
    const trit_knob *knob;
    bool identity; /* d = 1 everywhere: backward needs no look at x unless the scale is learned */
    void (*slope)(const trit_span *a, trit_real *d);
    /* r = dy/ds of each element, where it is not q - u*d, which a learned scale gets otherwise. */
    void (*rho)(const trit_span *a, const trit_real *d, trit_real *r);
    void (*soft)(const trit_span *a, trit_real *q); /* training forward; NULL: the grid's project */
    trit_check check;
    trit_row_fits fits;
} trit_estimator;

/* The registries: rows in list order, NULL-terminated, and their names likewise. */
extern const trit_grid *const trit_grids[];
extern const trit_scale_rule *const trit_scales[];
extern const trit_estimator *const trit_estimators[];
extern const trit_transform *const trit_transforms[]; /* row 0: none */
extern const char *const trit_grid_names[];
extern const char *const trit_scale_names[];
extern const char *const trit_estimator_names[];
extern const char *const trit_transform_names[];

typedef enum {
    TRIT_KNOB_GRID,
    TRIT_KNOB_SCALE,
    TRIT_KNOB_ESTIMATOR,
    TRIT_KNOB_FORM,
    TRIT_N_KNOB_AXIS
} trit_knob_axis;

struct trit_spec {
    bool on;  /* false: full precision, the rest does not matter */
    int form; /* index into trit_forms; 0: the axes below, else they do not matter */
    int grid; /* indices into the registries */
    int scale;
    int estimator;
    int transform; /* of forms too */
    trit_granularity granularity;
    int64_t block;         /* most elements that a transform mixes, a power of two */
    int64_t group;         /* elements of a group, for granularity group */
    int64_t bits;          /* of the grid; 0 = its default. With a schedule: those at its end */
    trit_schedule bits_at; /* rounded to whole bits, grid int only; hold: `bits` always */
    bool is_signed;        /* levels on both sides of zero (integers: -2^(b-1)..2^(b-1)-1) */
    bool narrow;           /* signed integer grid without its lowest level: symmetric */
    double eps;            /* least scale; protects all-zero groups */
    trit_schedule lambda;  /* strength: y = x + lambda*(Q(x) - x) in training; 1 = quantized */
    int64_t start;         /* first step that quantizes; full precision before */
    trit_schedule knob[TRIT_N_KNOB_AXIS][TRIT_MAX_KNOB]; /* hold = constant */
};

/* A quantizer that is off; a quantizer with every default of the given rows. */
trit_spec trit_spec_off(void);
trit_spec trit_spec_make(trit_quant_kind kind, int grid);
/* Who shares a scale where a config does not say: tensor for weights, token for activations (tensor
 * with a learned scale). */
trit_granularity trit_spec_granularity(trit_quant_kind kind, int scale);
/* A quantizer of a form (not 0) with every default. */
trit_spec trit_spec_make_form(trit_quant_kind kind, int form);
bool trit_spec_equal(const trit_spec *a, const trit_spec *b);
/* Reads a short form: words of the axes joined by '-', the grid first:
 * "ternary-absmean", "int8-token", "uint4-absmax-row", "int4-learned-group64", "none",
 * "half2-rms-row-trust-hadamard", "twn-row-hadamard64".
 * E_CONFIG with the offending word, the allowed words and the nearest. */
trit_status trit_spec_parse(trit_spec *sp, trit_quant_kind kind, const char *text, trit_error *e);
/* Combinations that make no sense are refused by name, with the reason. */
trit_status trit_spec_check(const trit_spec *sp, trit_quant_kind kind, trit_error *e);
/* The part of trit_spec_check that is about the transform. */
trit_status trit_spec_check_transform(const trit_spec *sp, trit_quant_kind kind, trit_error *e);
/* Quantizers of the two operands of one product: refused unless both end in the same basis. */
trit_status trit_spec_check_pair(const trit_spec *weights, const trit_spec *activations,
                                 trit_error *e);
/* Elements that the transform mixes in rows of cols: spec.block, or the largest power of two that
 * divides cols where that is less. */
int64_t trit_spec_block(const trit_spec *sp, int64_t cols);
/* Knob table of the row that the spec names on an axis; NULL when it has none. */
const trit_knob *trit_spec_knobs(const trit_spec *sp, trit_knob_axis axis);
/* Gives all knobs of all axes their defaults; call after changing a row. */
void trit_spec_reset_knobs(trit_spec *sp);
/* Bits that a level takes in storage, by the number of levels; 32 when off. */
int trit_spec_storage_bits(const trit_spec *sp);
/* "ternary-absmean-tensor ste hadamard128" for people, into buf[96]; returns buf. */
char *trit_spec_text(const trit_spec *sp, char buf[96]);

#endif

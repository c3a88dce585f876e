/* The config section "distill": what a student is trained by besides labels, and who teaches it.
 *
 *     "distill": {"teacher": "runs/full", "losses": ["ce", {"loss": "kl", "weight": 0.5,
 *                                                            "temperature": 2}]}
 *
 * A string in the list stands for an object with that loss. Weights and the knobs of a loss are
 * numbers or schedules. Losses that look inside of the models also have
 *
 *     "layers": "uniform", or a list of pairs [student's, teacher's], as [[3, 5], 4], 4 for [4, 4]
 *     "projection": true   a learned matrix between hidden states, as for other widths */
#ifndef TRIT_IO_DISTILL_SETTINGS_H
#define TRIT_IO_DISTILL_SETTINGS_H

#include "distill/loss.h"
#include "io/settings.h"

typedef struct trit_loss_cfg {
    int loss; /* index into trit_losses */
    trit_schedule weight;
    trit_schedule knob[TRIT_MAX_KNOB];
    /* Rows with `inside`: pairs of layers, or a rule where there are none. */
    trit_layer_rule rule;
    int n_pair;
    const int64_t (*pair)[2]; /* [n_pair] student's, teacher's; config's arena */
    bool projection;
} trit_loss_cfg;

typedef struct trit_loss_list {
    int n;
    const trit_loss_cfg *at; /* [n], config's arena */
} trit_loss_list;

#define TRIT_DISTILL_FIELDS(F)                                                                  \
    F(STR, teacher, "\"\"", 0, 0, NULL, "",                                                     \
      "run directory (its best checkpoint) or checkpoint file, which then also judges the "     \
      "agreement in evaluations; self: the student's own weights without its quantizers; ema: " \
      "their averages (optim.ema) without quantizers; \"\": none")                              \
    F(STR, cache, "\"\"", 0, 0, NULL, "",                                                       \
      "file of `trit teacher-cache`, instead of a teacher; \"\": none")

typedef struct trit_distill_cfg {
    TRIT_DISTILL_FIELDS(TRIT_MEMBER)
    trit_loss_list losses;
} trit_distill_cfg;
extern const trit_schema trit_distill_schema;

/* What distill.teacher says for the student's own weights. */
#define TRIT_TEACHER_SELF "self"
#define TRIT_TEACHER_EMA  "ema" /* of their averages */

#endif

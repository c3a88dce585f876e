/* When a run begins to quantize: quant.start, and the rule behind "auto".
 *
 * Compute-Optimal QAT (arXiv 2509.22935): of a training on D tokens of a model with N parameters
 * and weights of B bits, the share f = exp(-a/ln S) should be quantized, where S = D/(N*B/8) is the
 * number of tokens for each byte of weights, and a = 6.7297. Fitted for 86M..2.2B parameters. */
#ifndef TRIT_RUN_QAT_H
#define TRIT_RUN_QAT_H

#include "layers/transformer.h"
#include "run/config.h"

/* S, for n_tokens in all. */
double trit_qat_statistic(double n_tokens, double n_params, double bits);
/* f within 0.02..1; 0.02 where the rule says nothing (S <= 1). */
double trit_qat_share(double statistic);

typedef struct trit_qat {
    int64_t start;   /* first step at which quant.start lets quantizers be on */
    int64_t weights; /* first step with a quantized weight, by their own start too; 0: at once, or
                      * no weight ever is */
    bool automatic;
    /* Of the rule; set where a weight is quantized. bits: mean over these weights, log2 of the
     * number of levels (a form: its bits). */
    double n_params, bits, statistic, share;
} trit_qat;

/* Resolves quant.start for a model, and makes its quantizers begin there. */
void trit_qat_apply(trit_qat *q, const trit_config *c, trit_transformer *m, const trit_params *ps);
/* "full precision before step 673 of 1000 (...)" into buf; "" where quantization begins at once. */
enum { TRIT_QAT_TEXT_BYTES = 256 };
char *trit_qat_text(const trit_qat *q, int64_t steps, char buf[TRIT_QAT_TEXT_BYTES]);

#endif

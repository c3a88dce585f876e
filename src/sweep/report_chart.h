/* Charts of a report, each as a picture or as SVG. */
#ifndef TRIT_SWEEP_REPORT_CHART_H
#define TRIT_SWEEP_REPORT_CHART_H

#include "sweep/compare.h"

/* Where a chart goes: a .png or .svg file, or a text (path NULL) as SVG. */
typedef struct trit_chart_target {
    const char *path;
    trit_text *svg;
} trit_chart_target;

/* All draw nothing, which is no error, where there is nothing to show. */
/* Differences to the baseline of an axis, whose comparisons begin at c. */
trit_status trit_report_chart_differences(const trit_results *r, const trit_analysis *a,
                                          const trit_comparison *c, const trit_chart_target *to,
                                          trit_error *e);
/* Mean validation loss of each value over the steps. */
trit_status trit_report_chart_curves(const trit_results *r, int axis, const trit_chart_target *to,
                                     trit_error *e);
/* Whether points differ in the bytes of the deployed model. */
bool trit_report_has_sizes(const trit_analysis *a);
/* Metric against these bytes, or against the bits of a parameter. */
trit_status trit_report_chart_pareto(const trit_results *r, const trit_analysis *a, bool bits,
                                     const trit_chart_target *to, trit_error *e);

#endif

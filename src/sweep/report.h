/* The report of a sweep: tables for people and for programs. Equal results give equal bytes but for
 * what a run cost (time, memory), which stands in tables of its own. */
#ifndef TRIT_SWEEP_REPORT_H
#define TRIT_SWEEP_REPORT_H

#include "sweep/compare.h"

/* One sentence on each axis, saying which differences are significant and which are not; a line
 * each. */
void trit_report_words(const trit_results *r, const trit_analysis *a, trit_text *out);
void trit_report_markdown(const trit_results *r, const trit_analysis *a, trit_text *out);
/* {"name", "metric", "cells": [...], "comparisons": [...], "budgets": [...]} */
void trit_report_json(const trit_results *r, const trit_analysis *a, trit_text *out);
/* A line for each cell; for each comparison; for what each value cost. */
void trit_report_csv_cells(const trit_results *r, trit_text *out);
void trit_report_csv_comparisons(const trit_results *r, const trit_analysis *a, trit_text *out);
void trit_report_csv_costs(const trit_results *r, const trit_analysis *a, trit_text *out);
/* One HTML file that needs nothing else. link: from the report to the sweep's directory. */
void trit_report_html(const trit_results *r, const trit_analysis *a, const char *link,
                      trit_text *out);
/* Pictures: AXIS.png, differences to the baseline with their intervals; curves.png; pareto.png. */
trit_status trit_report_pictures(const trit_results *r, const trit_analysis *a, const char *dir,
                                 trit_error *e);

/* All of it into dir, which is made. */
trit_status trit_report_write(const trit_results *r, const trit_analysis *a, const char *dir,
                              const char *link, trit_error *e);

#endif

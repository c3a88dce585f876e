#include "op_check.h"

static trit_node *few_ids(op_case *c) { /* most ids come many times */
    return trit_embedding(c->g, op_param(c, "w", 5, 3), op_ids(c, "ids", 2, (int64_t[]){4, 7}, 5));
}
static trit_node *
few_rows_touched(op_case *c) { /* more columns than one task owns, untouched rows */
    return trit_embedding(c->g, op_param(c, "w", 257, 131),
                          op_ids(c, "ids", 1, (int64_t[]){9}, 257));
}
static trit_node *one(op_case *c) {
    return trit_embedding(c->g, op_param(c, "w", 1, 1), op_ids(c, "ids", 1, (int64_t[]){1}, 1));
}
static trit_node *scalar_id(op_case *c) {
    return trit_embedding(c->g, op_param(c, "w", 3, 2), op_ids(c, "id", 0, NULL, 3));
}
/* The table is also the output layer, as in tied models: the linear's gradient comes first. */
static trit_node *tied(op_case *c) {
    trit_node *w = op_param(c, "w", 11, 6);
    trit_node *h = trit_embedding(c->g, w, op_ids(c, "ids", 2, (int64_t[]){3, 5}, 11));
    return trit_linear(c->g, trit_mul(c->g, h, h), w, NULL);
}
static trit_node *twice(op_case *c) { /* the later one overwrites, the earlier adds */
    trit_node *w = op_param(c, "w", 8, 3);
    trit_node *a = trit_embedding(c->g, w, op_ids(c, "a", 1, (int64_t[]){6}, 8));
    trit_node *b = trit_embedding(c->g, w, op_ids(c, "b", 1, (int64_t[]){6}, 8));
    return trit_add(c->g, a, b);
}
static trit_node *computed_table(op_case *c) { /* a table that is no leaf: its memory is reused */
    trit_node *w = trit_linear(c->g, op_param(c, "a", 7, 4), op_param(c, "b", 5, 4), NULL);
    return trit_embedding(c->g, trit_mul(c->g, w, w), op_ids(c, "ids", 1, (int64_t[]){33}, 7));
}

static void embedding_gradients(void **state) {
    (void)state;
    op_check(few_ids, 1, 1e-7);
    op_check(few_rows_touched, 2, 1e-7);
    op_check(one, 3, 1e-7);
    op_check(scalar_id, 4, 1e-7);
    op_check(tied, 5, 1e-7);
    op_check(twice, 6, 1e-7);
    op_check(computed_table, 7, 1e-7);
}

static void errors(void **state) {
    (void)state;
    static const struct {
        int w_ndim, id_ndim;
        trit_dtype id_type;
        const char *text;
    } cases[] = {
        {2, 2, TRIT_REAL, "tok.embedding: ids [2,2] are f"},
        {3, 2, TRIT_I32, "tok.embedding: table [2,2,2] for ids [2,2]"},
        {2, 4, TRIT_I32, "tok.embedding: table [2,2] for ids [2,2,2,2]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trit_error e = {0};
        trit_graph g;
        trit_graph_init(&g, TRIT_EVAL);
        trit_graph_push(&g, "tok");
        const int64_t dim[] = {2, 2, 2, 2};
        trit_node *w = trit_input(&g, "w", TRIT_REAL, cases[i].w_ndim, dim);
        trit_node *ids = trit_input(&g, "ids", cases[i].id_type, cases[i].id_ndim, dim);
        assert_null(trit_embedding(&g, w, ids));
        assert_int_equal(trit_graph_plan(&g, NULL, TRIT_PLAN_REUSE, &e), TRIT_E_SHAPE);
        assert_error_has(e, cases[i].text);
        trit_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedding_gradients),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

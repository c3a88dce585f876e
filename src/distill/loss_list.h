/* Rows of distillation losses: symbol and config word. A new row is one file, which defines
 * trit_loss_<symbol>, and one line here; configs, `trit methods` and the JSON Schema follow. */
#define TRIT_LOSS_LIST(X)                 \
    X(ce, "ce")                           \
    X(kl, "kl")                           \
    X(rkl, "rkl")                         \
    X(js, "js")                           \
    X(cakld, "cakld")                     \
    X(cakld_token, "cakld-token")         \
    X(kl_top, "kl-top")                   \
    X(rkl_top, "rkl-top")                 \
    X(topkld, "topkld")                   \
    X(dad, "dad")                         \
    X(soft_ce, "soft-ce")                 \
    X(mft, "mft")                         \
    X(logits_mse, "logits-mse")           \
    X(hidden_mse, "hidden-mse")           \
    X(hidden_cosine, "hidden-cosine")     \
    X(lrm, "lrm")                         \
    X(relation, "relation")               \
    X(relation_dot, "relation-dot")       \
    X(direction, "direction")             \
    X(edgeqat_entropy, "edgeqat-entropy") \
    X(edgeqat_map, "edgeqat-map")

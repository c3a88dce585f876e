/* Rows of optimizers: a file that defines trit_optim_<name>, and one line. */
#define TRIT_OPTIM_LIST(X) \
    X(adamw)               \
    X(adam)                \
    X(sgd)                 \
    X(lion)                \
    X(adafactor)           \
    X(lamb)                \
    X(rmsprop)             \
    X(ademamix)            \
    X(muon)

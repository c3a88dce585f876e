/* Rows of optimizers: a file that defines trit_optim_<name>, and one line. */
#define TRIT_OPTIM_LIST(X) \
    X(adamw)               \
    X(sgd)                 \
    X(muon)

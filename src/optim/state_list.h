/* Rows of encodings of optimizer state: trit_state_<name>, the word in a config. */
#define TRIT_STATE_LIST(X) \
    X(fp32, "fp32")        \
    X(bf16, "bf16")        \
    X(dyn8, "8bit")        \
    X(dyn4, "4bit")

/* Errors are values: every fallible function returns a trit_status and fills a trit_error.
 * The first error wins; callers prefix what they were doing on the way out, so a message grows
 * outward: "loading configs/a.json: quant.weights.bits: 17 is not in 2..8". */
#ifndef TRIT_BASE_STATUS_H
#define TRIT_BASE_STATUS_H

/* One list: enum value, name and text cannot drift apart.
 * Expands to e.g. TRIT_E_SHAPE with text "shapes do not fit". */
#define TRIT_STATUS_LIST(X)                     \
    X(OK, "ok")                                 \
    X(E_NOMEM, "out of memory")                 \
    X(E_SHAPE, "shapes do not fit")             \
    X(E_CONFIG, "bad configuration")            \
    X(E_USAGE, "bad usage")                     \
    X(E_IO, "input or output failed")           \
    X(E_FORMAT, "not the expected file format") \
    X(E_DATA, "bad input data")                 \
    X(E_STATE, "call out of order")             \
    X(E_NUMERIC, "value is not finite")         \
    X(E_STOPPED, "stopped on request")          \
    X(E_UNSUPPORTED, "not supported")

typedef enum {
#define X(id, text) TRIT_##id,
    TRIT_STATUS_LIST(X)
#undef X
} trit_status;

enum { TRIT_ERROR_TEXT_BYTES = 1024 };

typedef struct trit_error {
    trit_status code;                 /* TRIT_OK while nothing went wrong */
    const char *file;                 /* where the error was raised */
    int line;                         /* ditto */
    char text[TRIT_ERROR_TEXT_BYTES]; /* complete sentence for a person */
} trit_error;

#if defined(__GNUC__)
#define TRIT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TRIT_PRINTF(fmt, args)
#endif

/* Records an error unless one is recorded already; returns code. e may be NULL. */
trit_status trit_fail_at(trit_error *e, trit_status code, const char *file, int line,
                         const char *fmt, ...) TRIT_PRINTF(5, 6);
/* Puts "what: " before the recorded text; returns the recorded code. e may be NULL (TRIT_E_STATE).
 */
trit_status trit_error_wrap(trit_error *e, const char *fmt, ...) TRIT_PRINTF(2, 3);
/* Constant text of a status, never NULL. */
const char *trit_status_text(trit_status code);

#ifdef __clang_analyzer__ /* looks at one file; must be told that a failure is not TRIT_OK */
#define TRIT_FAIL(e, code, ...) \
    (trit_fail_at((e), TRIT_##code, __FILE__, __LINE__, __VA_ARGS__), TRIT_##code)
#else
#define TRIT_FAIL(e, code, ...) trit_fail_at((e), TRIT_##code, __FILE__, __LINE__, __VA_ARGS__)
#endif
#define TRIT_TRY(call)           \
    do {                         \
        trit_status s_ = (call); \
        if (s_) return s_;       \
    } while (0)
/* As TRIT_TRY, prefixing the error with a printf-style context. */
#define TRIT_TRY_AS(call, e, ...)              \
    do {                                       \
        trit_status s_ = (call);               \
        if (s_) {                              \
            trit_error_wrap((e), __VA_ARGS__); \
            return s_;                         \
        }                                      \
    } while (0)

/* A programmer's mistake, not a user's: aborts with the place, in every build. */
#define TRIT_ASSERT(cond) ((cond) ? (void)0 : trit_assert_fail(#cond, __FILE__, __LINE__))
_Noreturn void trit_assert_fail(const char *cond, const char *file, int line);

#endif

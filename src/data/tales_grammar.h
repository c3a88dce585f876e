/* The grammar of the built-in tales as data. tales.c gives it meaning; nothing else reads it.
 *
 * A story is the expansion of the rule "story". In the text of an option
 *     [rule]           expands a rule: one of its options, by weight
 *     {x=list}         draws a word of a list, all alike, remembers it as x and writes it
 *     {x=list!y!z}     the same among the words that y and z do not hold (y and z differ)
 *     {x=list~y}       the same among the words of the other gender than y's
 *     {x}              writes the word remembered as x
 *     {x+y} {x-y}      writes the sum or difference of two numbers as a word
 * and each {} may end in a form: ":a" with article, ":2" second form, ":Cap" and ":Cap2" capital
 * first letter, ":he" ":He" ":him" ":his" pronouns of a name.
 *
 * Two laws make stories decodable and their entropy exact; tests check both:
 *   1. Options are prefix-free: what an option writes before the next choice (the text after it
 *      included) is no prefix of what another option of the same choice writes. So a story has
 *      one derivation, and the choice is read off its bytes.
 *   2. The weights of a choice do not depend on earlier words beyond ! and ~, which remove the same
 *      number of equally likely words whatever these are. A name x is always drawn from one list.
 */
#ifndef TRIT_DATA_TALES_GRAMMAR_H
#define TRIT_DATA_TALES_GRAMMAR_H

typedef struct trit_tales_option {
    int weight; /* > 0 */
    const char *text;
} trit_tales_option;

typedef struct trit_tales_rule {
    const char *name;
    const trit_tales_option *option;
    int n;
} trit_tales_rule;

/* word[i] is "first" or "first|second". Lists of names alternate: she at even, he at odd places. */
typedef struct trit_tales_list {
    const char *name;
    const char *const *word;
    int n;     /* at most 64 */
    int first; /* numbers: the value of word[0]; word[i] is then first + i */
} trit_tales_list;

/* Both sorted by name. */
extern const trit_tales_rule trit_tales_rules[];
extern const trit_tales_list trit_tales_lists[];
extern const int trit_tales_n_rules, trit_tales_n_lists;
/* "zero", "one", ... for {x+y} and {x-y}. */
enum { TRIT_TALES_N_NUMBERS = 11 };
extern const char *const trit_tales_numbers[TRIT_TALES_N_NUMBERS];

#endif

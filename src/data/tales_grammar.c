/* The words and sentences of the built-in tales; tales_grammar.h tells how to read them. */
#include "data/tales_grammar.h"

/* ---- words ---- */

const char *const trit_tales_numbers[TRIT_TALES_N_NUMBERS] = {
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};

static const char *const ask[] = {
    "asked", "asked softly", "asked kindly", "asked with a smile", "wanted to know", "wondered"};
static const char *const bag[] = {"basket", "bag", "sack", "box", "bucket", "cart"};
static const char *const built[] = {"boat",      "wagon", "sled",  "raft",
                                    "birdhouse", "chair", "table", "toy train"};
static const char *const color[] = {"red",    "blue",  "green", "yellow", "orange",
                                    "purple", "white", "black", "silver", "gold"};
static const char *const daytime[] = {"morning", "afternoon", "evening", "day"};
static const char *const elder[] = {"Aunt Bea", "Mr. Fig",   "Mrs. Oak", "Dr. Elm",
                                    "Old Sal",  "Miss Fern", "Uncle Bo", "Nana Rue"};
static const char *const errand[] = {"to fetch water",     "to pick flowers",   "to feed the hens",
                                     "to take a nap",      "to buy some bread", "to chop wood",
                                     "to wash the dishes", "to sweep the yard", "to dig a hole",
                                     "for a swim"};
static const char *const event[] = {"fair",   "concert", "picnic",      "dance",
                                    "circus", "parade",  "puppet show", "party"};
static const char *const fear[] = {"nervous", "afraid", "worried", "sad"};
static const char *const feel[] = {"glad",    "happy",    "proud",    "merry",
                                   "pleased", "thankful", "cheerful", "content"};
static const char *const food[] = {"apple|apples",    "pear|pears",         "plum|plums",
                                   "cherry|cherries", "peach|peaches",      "nut|nuts",
                                   "berry|berries",   "fig|figs",           "carrot|carrots",
                                   "turnip|turnips",  "mushroom|mushrooms", "lemon|lemons"};
static const char *const fragile[] = {"cup",  "plate", "vase",   "jar",
                                      "bowl", "lamp",  "mirror", "teapot"};
static const char *const go[] = {"walked",  "ran",     "hopped",   "hurried",
                                 "skipped", "marched", "wandered", "trotted"};
static const char *const goods[] = {"bread", "milk", "honey", "butter", "cheese", "salt",
                                    "flour", "jam",  "tea",   "soap",   "oil",    "rice"};
static const char *const home[] = {
    "by the river",    "near the old mill", "on a windy hill",          "behind the bakery",
    "under a big oak", "beside the pond",   "at the edge of the woods", "by the sea"};
static const char *const house[] = {"house", "hut", "cottage", "tower"};
static const char *const joy[] = {"sang a song",      "danced in the grass", "drank some tea",
                                  "laughed out loud", "ate warm soup",       "told stories",
                                  "watched the sky",  "played cards",        "baked a cake",
                                  "flew a kite",      "fed the ducks",       "played the drums"};
static const char *const kind[] = {"fox",   "bear",     "rabbit", "mouse",  "hedgehog", "duck",
                                   "otter", "squirrel", "frog",   "badger", "goat",     "kitten",
                                   "puppy", "owl",      "turtle", "pony"};
static const char *const look[] = {"old",    "new",    "shiny", "tiny", "big",     "small",
                                   "lovely", "pretty", "funny", "fine", "strange", "dusty"};
static const char *const love[] = {"painting",  "singing",    "honey",    "puddles",
                                   "old songs", "long walks", "hot soup", "baking"};
static const char *const month[] = {"January",   "February", "March",    "April",
                                    "May",       "June",     "July",     "August",
                                    "September", "October",  "November", "December"};
static const char *const many[] = {"six", "seven", "eight", "nine", "ten"};
static const char *const meek[] = {"said softly", "said quietly", "whispered", "sighed"};
static const char *const mood[] = {"sad",     "tired", "hungry", "lonely",
                                   "worried", "cold",  "bored",  "grumpy"};
static const char *const name[] = {"Mia",  "Tom", "Lily", "Finn", "Nora", "Otto", "Ruby",  "Max",
                                   "Tess", "Leo", "Ada",  "Hugo", "Wren", "Ben",  "Poppy", "Sam"};
static const char *const need[] = {"thirsty|some water", "hungry|some bread", "cold|a blanket",
                                   "lost|a map",         "wet|a towel",       "sleepy|a pillow",
                                   "bored|a book",       "hurt|a bandage"};
static const char *const nice[] = {"wonderful", "lovely", "splendid",  "merry",
                                   "funny",     "grand",  "beautiful", "glorious"};
static const char *const pair[] = {"hot|cold",   "big|small", "up|down", "wet|dry",
                                   "day|night",  "fast|slow", "old|new", "open|shut",
                                   "full|empty", "happy|sad"};
static const char *const part[] = {"front|back", "inside|outside", "top|bottom",
                                   "left side|right side"};
static const char *const place[] = {"under the bed",     "behind the door", "on the shelf",
                                    "in the cupboard",   "inside a boot",   "beside the well",
                                    "under the stairs",  "in the shed",     "on the windowsill",
                                    "under a flowerpot", "in a drawer",     "behind the curtain"};
static const char *const plant[] = {"bean",  "pumpkin", "sunflower", "pea",
                                    "melon", "cabbage", "radish",    "onion"};
static const char *const playing[] = {"dancing",  "juggling", "jumping",
                                      "spinning", "hopping",  "skating"};
static const char *const say[] = {
    "said",        "replied",     "answered",          "whispered",
    "said softly", "said kindly", "said with a smile", "said with a laugh"};
static const char *const several[] = {"two", "three", "four", "five"};
static const char *const size[] = {"little", "small", "young", "tiny", "old", "plump"};
static const char *const sound[] = {"cow|moo",   "duck|quack", "sheep|baa", "cat|meow",
                                    "dog|woof",  "owl|hoot",   "bee|buzz",  "pig|oink",
                                    "hen|cluck", "frog|croak"};
static const char *const spot[] = {"bridge", "well", "barn", "mill",       "haystack",
                                   "gate",   "pond", "oak",  "lighthouse", "fountain"};
static const char *const stop[] = {
    "to eat a plum",       "to tie a shoe",      "to smell a rose",      "to chase a butterfly",
    "to drink some water", "to talk to a snail", "to rest in the shade", "to look at a cloud"};
static const char *const thing[] = {"ball",   "kite",  "drum",   "spoon",    "button",  "lantern",
                                    "bell",   "key",   "basket", "umbrella", "whistle", "ribbon",
                                    "book",   "map",   "shell",  "flute",    "marble",  "comb",
                                    "pencil", "brush", "mitten", "bucket",   "feather", "mug"};
static const char *const trait[] = {"shy",    "brave", "kind",    "curious", "gentle",  "cheerful",
                                    "clever", "quiet", "careful", "playful", "patient", "funny"};
static const char *const turn[] = {"left", "right", "uphill", "downhill"};
static const char *const wear[] = {"hat",  "scarf",  "coat",    "cape",
                                   "vest", "bonnet", "sweater", "jacket"};
static const char *const weather[] = {"rainy", "sunny", "windy",  "gusty",  "foggy",
                                      "cold",  "warm",  "bright", "cloudy", "misty"};
static const char *const weekday[] = {"Monday|Tuesday",  "Tuesday|Wednesday", "Wednesday|Thursday",
                                      "Thursday|Friday", "Friday|Saturday",   "Saturday|Sunday",
                                      "Sunday|Monday"};
static const char *const yard[] = {"behind the barn", "beside the well", "under the window",
                                   "near the gate",   "by the wall",     "next to the fence",
                                   "in an old pot",   "in the meadow"};

#define N(a) ((int)(sizeof(a) / sizeof *(a)))
#define LIST(list, first) \
    { #list, list, N(list), first }
const trit_tales_list trit_tales_lists[] = {
    LIST(ask, 0),   LIST(bag, 0),     LIST(built, 0),   LIST(color, 0),   LIST(daytime, 0),
    LIST(elder, 0), LIST(errand, 0),  LIST(event, 0),   LIST(fear, 0),    LIST(feel, 0),
    LIST(food, 0),  LIST(fragile, 0), LIST(go, 0),      LIST(goods, 0),   LIST(home, 0),
    LIST(house, 0), LIST(joy, 0),     LIST(kind, 0),    LIST(look, 0),    LIST(love, 0),
    LIST(many, 6),  LIST(meek, 0),    LIST(month, 0),   LIST(mood, 0),    LIST(name, 0),
    LIST(need, 0),  LIST(nice, 0),    LIST(pair, 0),    LIST(part, 0),    LIST(place, 0),
    LIST(plant, 0), LIST(playing, 0), LIST(say, 0),     LIST(several, 2), LIST(size, 0),
    LIST(sound, 0), LIST(spot, 0),    LIST(stop, 0),    LIST(thing, 0),   LIST(trait, 0),
    LIST(turn, 0),  LIST(wear, 0),    LIST(weather, 0), LIST(weekday, 0), LIST(yard, 0),
};
const int trit_tales_n_lists = N(trit_tales_lists);
#undef LIST

/* ---- sentences ---- */

/* Variables: h hero, k its kind, f friend, j its kind, e elder; x y x3 things, c c2 colors, l look;
 * p q places, o food, n m numbers; s s2 ways to speak, a to ask. */

static const trit_tales_option story[] = {{1, "[meet] [when], [scene]"}};

static const trit_tales_option meet[] = {
    {3, "Once upon a time there was [hero]."},
    {6, "Once there was [hero]."},
    {5, "There once was [hero]."},
    {3, "Long ago there was [hero]."},
    {1, "This is a tale about [hero]."},
};
static const trit_tales_option hero[] = {
    {1, "{t=trait:a} {size=size} {k=kind} named {h=name}[who]"}};
static const trit_tales_option who[] = {
    {2, " who lived in {hl=look:a} {hc=color} {house=house} {home=home}"},
    {1, " who loved {love=love} and {love2=love!love}"},
    {3, " who wore {wc=color:a} {wear=wear} and {wc2=color!wc:a} {wear2=wear!wear}"},
    {4, " who owned {ol=look:a} {oc=color} {ox=thing} and {ol2=look!ol:a} {oc2=color!oc} "
        "{oy=thing!ox}"},
};
static const trit_tales_option when[] = {
    {5, "One {w=weather} {day=daytime} in {month=month}"},
    {3, "On {w=weather:a} {day=daytime} in {month=month}"},
    {2, "Early one {w=weather} morning"},
    {2, "Late one {w=weather} evening"},
};
static const trit_tales_option friend[] = {{1, "{f=name~h} the {u=trait!t} {j=kind!k}"}};

static const trit_tales_option scene[] = {
    {3, "{h} put {h:his} {c=color} {x=thing} {p=place} and {go=go} off {errand=errand}. \"Where "
        "is my {x}?\" {h:he} asked [friend] later. [search] \"[surely] you put "
        "it {p},\" {f} {s=say}. {h} looked, and there was the {c} {x}!\n[after][memory]"},
    {4,
     "{h} had {n=many} {o=food:2} in {h:his} {c=color} {bag=bag} and met [friend], who looked "
     "{mood=mood}. {h} gave {f:him} {m=several} {o:2}. \"How many do you have left?\" {f} {a=ask}. "
     "\"{n-m:Cap},\" {h} {s=say}.\n[after][sharing]"},
    {4, "{h} went out to gather {o=food:2} with [friend]. {h} found {m=several} {yard=yard}, and "
        "{f} found {m2=several} {yard2=yard!yard}. \"How many {o:2} is that?\" {f} {a=ask}. "
        "\"{m+m2:Cap},\" {h} {s=say}.\n[after][sharing]"},
    {6,
     "{h} found {l=look:a} {c=color} {x=thing} {p=place} and {go=go} to [friend]. \"Guess what I "
     "found!\" {h} {s=say}. \"Is it {y=thing!x:a}?\" {f} {a=ask}. \"No, but it is {l} and {c},\" "
     "{h} {s2=say}. \"Then it is {x:a}!\" {f} {s3=say}.\n[after][fun]"},
    {3, "{h} met {e=elder} at the {spot=spot}. \"Who says {sound=sound:2}?\" {e} {a=ask}. \"The "
        "{sound},\" {h} {s=say}. \"And who says {sound2=sound!sound:2}?\" \"The {sound2}!\" {h} "
        "{s2=say}. {e} [gave] {h:him} {l=look:a} {c=color} {x=thing}.\n[alone][learning]"},
    {5, "{h} played opposites with [friend]. \"{p1=pair:Cap},\" {h} {s=say}. \"{p1:Cap2},\" {f} "
        "{s2=say}. \"{p2=pair!p1:Cap},\" {h} {s3=say}. \"{p2:Cap2},\" {f} {s4=say}. "
        "\"{p3=pair!p1!p2:Cap}?\" {h} {a=ask}. \"{p3:Cap2}!\" {f} {s5=say}.\n[after][fun]"},
    {4, "{h} ran to the {c=color} {spot=spot} in a race with [friend]. At first "
        "[race]\n[after][patience]"},
    {4,
     "{h} came upon [friend], who was {need=need}. \"What do you need?\" {h} {a=ask}. "
     "\"{need:Cap2}, please,\" {f} {s=say}. {h} looked in {h:his} {bag=bag}. [rummage] {h:He} gave "
     "{f} {need:2}. Soon {f} was not {need} any more.\n[after][kindness]"},
    {3,
     "{h} planted {plant=plant:a} seed {yard=yard}. \"It will not grow,\" [friend] {s=say}. "
     "But {h} watered it. After {n=many} [span], {nice=nice:a} {plant} plant stood {yard}. \"You "
     "were right,\" {f} {s2=say}.\n[after][patience]"},
    {3,
     "{h} borrowed {l=look:a} {c=color} {x=thing} from [friend]. \"Bring it back the day after "
     "{wd=weekday},\" {f} {s=say}. {h} kept it {p=place}. On {wd:2}, {h} {go=go} to {f} with the "
     "{c} {x}. \"Here it is,\" {h:he} {s2=say}.\n[after][promise]"},
    {3, "{h} was {playing=playing} in the house of {e=elder}. Crash! {h:He} broke {l=look:a} "
        "{c=color} {b=fragile}. \"Who broke my {b}?\" {e} {a=ask}. [afraid] \"I did,\" {h} "
        "{meek=meek}. "
        "\"I am sorry.\" [forgive]\n[alone][honesty]"},
    {3, "{h} asked [friend] the way to {e=elder}. \"Go {t1=turn} at the {c=color} {spot=spot} and "
        "{t2=turn} at the {c2=color!c} {spot2=spot!spot},\" {f} {s=say}. {h} {go=go} {t1} at the "
        "{spot} and {t2} at the {spot2}. \"Welcome!\" {e} {s2=say}.\n[after][learning]"},
    {3, "{h} did the shopping for {e=elder}. \"Buy {g1=goods}, {g2=goods!g1} and "
        "{g3=goods!g1!g2},\" {e} {s=say}. [shop] {h} {go2=go} back to buy it.\n[alone][memory]"},
    {3,
     "{h} heard some news. \"There is {nice=nice:a} {ev=event} at the {spot=spot} on "
     "{wd=weekday},\" {h:he} told [friend]. \"Where is it?\" {f} {a=ask}. \"At the {spot},\" {h} "
     "{s=say}. On {wd}, they {go=go} to the {ev}. It was {nice2=nice!nice}!\n[after][fun]"},
    {4,
     "{h} made {l=look:a} {built=built} with [friend]. {h} painted the {part=part} {c=color}, and "
     "{f} painted the {part:2} {c2=color!c}. \"Who chose {c2}?\" {e=elder} {a=ask}. \"I did,\" "
     "{f} {s=say}. \"And who chose {c}?\" \"I did,\" {h} {s2=say}.\n[after][fun]"},
    {2,
     "{h} built a tower of {n=many} {c=color} stones, but [friend] had only {m=several}. \"How "
     "many more do you have?\" {f} {a=ask}. \"{n-m:Cap},\" {h} {s=say}. [tower]\n[after][sharing]"},
    {6, "{h} lent [friend] {c=color:a} {x=thing} and {c2=color!c:a} {y=thing!x}. {f} left the {x} "
        "{p=place} and the {y} {q=place!p}. [which]\n[after][promise]"},
    {8, "{h} showed [friend] {c=color:a} {x=thing}, {c2=color!c:a} {y=thing!x}, {c3=color!c!c2:a} "
        "{x3=thing!x!y} and {c4=color!c!c2!c3:a} {x4=thing!x!y!x3}. Then {h:he} hid one. \"What is "
        "missing?\" {h:he} {a=ask}. [missing]\n[after][memory]"},
    {6, "{h} saw a parade. First came {k1=kind!k:a} in {c=color}, then {k2=kind!k!k1:a} in "
        "{c2=color!c}, and last {k3=kind!k!k1!k2:a} in {c3=color!c!c2}. Then {h:he} told [friend] "
        "about it. "
        "[parade]\n[after][fun]"},
    {7, "{h} kept {x=thing:a} in {c=color:a} box, {y=thing!x:a} in {c2=color!c:a} box and "
        "{x3=thing!x!y:a} in {c3=color!c!c2:a} box. \"Which one may I open?\" [friend] {a=ask}. "
        "[box]\n[after][sharing]"},
};

/* ---- parts of scenes ---- */

static const trit_tales_option search[] = {
    {3, "They looked {q=place!p}, but it was not there."},
    {3, "{f} looked {q=place!p} and found only {l=look:a} {y=thing!x}."},
    {2, "First they looked {q=place!p}, then {q2=place!p!q}."},
};
static const trit_tales_option surely[] = {
    {3, "I think"}, {2, "I saw that"}, {2, "I am sure"}, {2, "Maybe"}, {1, "I remember that"}};
static const trit_tales_option gave[] = {
    {2, "laughed and gave"}, {2, "smiled and gave"}, {1, "nodded and handed"}};
static const trit_tales_option race[] = {
    {1,
     "{f} was ahead, but {f:he} stopped {stop=stop}. {h} {go=go} on and got to the {spot} first. "
     "\"You won, {h}!\" {f} {s=say}."},
    {1,
     "{h} was ahead, but {h:he} stopped {stop=stop}. {f} {go=go} on and got to the {spot} first. "
     "\"You won, {f}!\" {h} {s=say}."},
};
static const trit_tales_option rummage[] = {
    {2, "There was {x=thing:a}, {y=thing!x:a} and {need:2}."},
    {2, "Under {l=look:a} {x=thing} {h:he} found {need:2}."},
};
static const trit_tales_option missing[] = {
    {1, "\"I see the {y}, the {x3} and the {x4},\" {f} {s=say}. \"So it is the {c} {x}!\""},
    {1, "\"I see the {x}, the {x3} and the {x4},\" {f} {s=say}. \"So it is the {c2} {y}!\""},
    {1, "\"I see the {x}, the {y} and the {x4},\" {f} {s=say}. \"So it is the {c3} {x3}!\""},
    {1, "\"I see the {x}, the {y} and the {x3},\" {f} {s=say}. \"So it is the {c4} {x4}!\""},
};
static const trit_tales_option parade[] = {
    {1, "\"Who came first?\" {f} {a=ask}. \"The {k1},\" {h} {s=say}."},
    {1, "\"Who came last?\" {f} {a=ask}. \"The {k3},\" {h} {s=say}."},
    {2, "\"Who wore {c}?\" {f} {a=ask}. \"The {k1},\" {h} {s=say}."},
    {2, "\"Who wore {c2}?\" {f} {a=ask}. \"The {k2},\" {h} {s=say}."},
    {2, "\"Who wore {c3}?\" {f} {a=ask}. \"The {k3},\" {h} {s=say}."},
};
static const trit_tales_option box[] = {
    {1, "\"The {c} one,\" {h} {s=say}. {f} took out the {x} and {s2=say}, \"What {nice=nice:a} "
        "{x}!\""},
    {1, "\"The {c2} one,\" {h} {s=say}. {f} took out the {y} and {s2=say}, \"What {nice=nice:a} "
        "{y}!\""},
    {1, "\"The {c3} one,\" {h} {s=say}. {f} took out the {x3} and {s2=say}, \"What {nice=nice:a} "
        "{x3}!\""},
};
static const trit_tales_option span[] = {{2, "days"}, {2, "weeks"}};
static const trit_tales_option afraid[] = {
    {3, "{h} felt {fear=fear}."}, {1, "{h} looked at the floor."}, {1, "{h} took a deep breath."}};
static const trit_tales_option forgive[] = {
    {2, "\"Thank you for telling me,\" {e} {s2=say}."},
    {1, "{e} gave {h:him} a hug."},
    {2, "\"It was only {b:a},\" {e} {s2=say}."},
};
static const trit_tales_option shop[] = {
    {1, "{h} brought the {g1} and the {g2}. \"Where is the {g3}?\" {e} {a=ask}."},
    {1, "{h} brought the {g1} and the {g3}. \"Where is the {g2}?\" {e} {a=ask}."},
    {1, "{h} brought the {g2} and the {g3}. \"Where is the {g1}?\" {e} {a=ask}."},
};
static const trit_tales_option tower[] = {{1, "Then {h} gave {f:him} one stone."},
                                          {1, "Then they built {nice=nice:a} wall together."}};
static const trit_tales_option which[] = {
    {1, "\"Where is my {x}?\" {h} {a=ask}. \"It is {p},\" {f} {s=say}. {h} {go=go} there and found "
        "the {c} {x}."},
    {1, "\"Where is my {y}?\" {h} {a=ask}. \"It is {q},\" {f} {s=say}. {h} {go=go} there and found "
        "the {c2} {y}."},
};

/* ---- endings ---- */

static const trit_tales_option after[] = {
    {5, "Then they {joy=joy} and {joy2=joy!joy}."},
    {3, "{h} felt {feel=feel}, and {f} felt {feel2=feel!feel}."},
    {2, "That night {h} {joy=joy} and {f} {joy2=joy!joy}."},
    {3, "{f} felt {feel=feel} and gave {h} {gl=look:a} {gc=color} {gx=thing}."},
};
static const trit_tales_option alone[] = {
    {3, "{h} felt {feel=feel} and {home2=go} home."},
    {2, "Then {h} and {e} {joy=joy}."},
    {2, "That night {h} {joy=joy} and {joy2=joy!joy}."},
};

/* A moral stands in two stories of five. */
static const trit_tales_option memory[] = {
    {6, ""},
    {1, " It pays to remember."},
    {1, " A good memory is worth a lot."},
    {1, " What is lost can be found."},
    {1, " Two heads are better than one."},
};
static const trit_tales_option sharing[] = {
    {6, ""},
    {1, " Sharing makes everything better."},
    {1, " Good things grow when we share them."},
    {1, " Two can do more than one."},
    {1, " A friend is the best gift of all."},
};
static const trit_tales_option fun[] = {
    {6, ""},
    {1, " It is more fun with two."},
    {1, " A good game needs a good friend."},
    {1, " What a day it was!"},
    {1, " They laughed and laughed."},
};
static const trit_tales_option learning[] = {
    {6, ""},
    {1, " Those who listen will learn."},
    {1, " It is good to ask."},
    {1, " A clear head finds the way."},
    {1, " Now {h} knew more than before."},
};
static const trit_tales_option patience[] = {
    {6, ""},
    {1, " Good things take time."},
    {1, " Slow and steady is a good way to go."},
    {1, " Never give up too soon."},
    {1, " Little by little, we get there."},
};
static const trit_tales_option kindness[] = {
    {6, ""},
    {1, " A little help goes a long way."},
    {1, " Be kind, and others will be kind."},
    {1, " It feels good to help."},
    {1, " That is what friends are for."},
};
static const trit_tales_option promise[] = {
    {6, ""},
    {1, " A promise is a promise."},
    {1, " Good friends keep their word."},
    {1, " Take care of what is not yours."},
    {1, " Trust is worth more than gold."},
};
static const trit_tales_option honesty[] = {
    {6, ""},
    {1, " It is brave to tell the truth."},
    {1, " The truth is always best."},
    {1, " A true word mends a lot."},
    {1, " Everyone makes mistakes."},
};

#define RULE(rule) \
    { #rule, rule, N(rule) }
const trit_tales_rule trit_tales_rules[] = {
    RULE(afraid), RULE(after),   RULE(alone),   RULE(box),     RULE(forgive),  RULE(friend),
    RULE(fun),    RULE(gave),    RULE(hero),    RULE(honesty), RULE(kindness), RULE(learning),
    RULE(meet),   RULE(memory),  RULE(missing), RULE(parade),  RULE(patience), RULE(promise),
    RULE(race),   RULE(rummage), RULE(scene),   RULE(search),  RULE(sharing),  RULE(shop),
    RULE(span),   RULE(story),   RULE(surely),  RULE(tower),   RULE(when),     RULE(which),
    RULE(who),
};
const int trit_tales_n_rules = N(trit_tales_rules);

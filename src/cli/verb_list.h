/* One line a verb, VERB(name) for verb_name.c, in the order in which `trit --help` lists them. */
VERB(train)
VERB(eval)
VERB(generate)
VERB(config)
VERB(explain)
VERB(inspect)
VERB(bench)
VERB(data)

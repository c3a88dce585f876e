/* One line a verb, VERB(name) for verb_name.c, in the order in which `trit --help` lists them. */
VERB(inspect)
VERB(data)

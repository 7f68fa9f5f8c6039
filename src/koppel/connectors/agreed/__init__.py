"""What all SQL connectors must do alike, written once.

mistakes     those of a configuration, all told at once
names        names in SQL and in messages, and the names of change stamps
shapes       what the rest asks of a column and a table; keys and kinds a configuration names
values       text columns as databases write them to canonical columns, and the way back
page         a page of records from CSV; ids to keys and back
look_up      how a look-up compares
progress     what is known of each row of a write; the outcomes
patterns     the rows of a write by which columns they send
rows         the rows of a write as a database takes them
system       what databases have in common as systems
table        and as tables
carry        good rows go in when bad ones are refused
pool         connections that are kept and tried before they are used again
"""

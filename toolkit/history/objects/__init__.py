"""A store on object storage: what machines shipped, and the dataset that it becomes.

::

    PREFIX/store/format-0001-schema-0002      version (`versions`)
    PREFIX/segments/SHA256.jsonl.gz           lines that a machine shipped (`segments`)
    PREFIX/parts/kind=K/day=D/N-HASH.parquet  part files, written for commit N
    PREFIX/log/N.json                         commit N: which parts are in force (`commits`)
    PREFIX/refused/SHA256.jsonl               lines of a segment that are no records

No object is ever changed. A commit is the one conditional write: object N of the log is
created only where there is none (`If-None-Match: *`), so of two compactions one wins and
the other begins again from what the first left. Only commits say what is in force.
"""

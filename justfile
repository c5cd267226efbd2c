# The recipes of usher; `just` alone lists them.
default:
    @just --list

# formatting, lint, types, room order
check:
    ruff format --check .
    ruff check .
    mypy
    lint-imports

# put the code in its house style
fix:
    ruff format .
    ruff check --fix .

# the whole suite, checks first
test *args: check
    pytest -n 3 --dist loadfile --no-loadscope-reorder {{args}}

# the longer races and kills: minutes
chaos *args:
    pytest -m chaos {{args}}

# measure against baselines in the same run: some minutes on an idle machine
bench *args:
    python -m loadtests.bench {{args}}

# the unit costs of `usher plan`, measured anew on this machine: two or three minutes
costs *args:
    python -m loadtests.bench.costs {{args}}

# how far `usher plan` is off: a demo foretold, then run and measured
foretell *args:
    python -m loadtests.foretell {{args}}

# a crowd and the verdict on it: stampede, snipers, watchers...; `just load --help` has all
load *args:
    python -m loadtests {{args}}

# a storm over the money: webhooks in any order, banks that fail, a worker killed twenty times
storm *args:
    python -m loadtests.storm {{args}}

# five times what one API process carries, for three minutes, and how it recovers
overload *args:
    python -m loadtests.overload {{args}}

# a queued sale from the lobby to the audit
demo *args:
    usher demo {{args}}

# write migrations/schema.sql anew from the migrations
golden:
    python tests/sql/golden.py

# collect what pages say into front/locale/*.po, where it waits for translation
messages:
    pybabel -q extract -F pyproject.toml -k gettext -k ngettext:1,2 --add-location=file --sort-by-file -o .messages.pot src/usher
    for po in src/usher/front/locale/*.po; do pybabel -q update -N --ignore-obsolete --no-wrap -i .messages.pot -o $po -l $(basename $po .po); done
    sed -i -E '/^"(Project-Id-Version|Report-Msgid|POT-Creation|PO-Revision|Last-Translator|Language-Team|Generated-By)/d' src/usher/front/locale/*.po
    rm .messages.pot

# pictures of every page in every state, into screenshots/
screenshots *args:
    pytest -m screenshots tests/journey/test_screenshots.py {{args}}
